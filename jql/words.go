package jql

import "strings"

// keywords are the 20 words of the grammar. Like all words of the language
// they are written in any case.
var keywords = map[string]tokenKind{
	"in": tokIn, "is": tokIs, "and": tokAnd, "or": tokOr, "not": tokNot,
	"empty": tokEmpty, "null": tokEmpty, "was": tokWas, "changed": tokChanged,
	"before": tokBefore, "after": tokAfter, "from": tokFrom, "to": tokTo,
	"on": tokOn, "during": tokDuring, "order": tokOrder, "by": tokBy,
	"asc": tokAsc, "desc": tokDesc, "cf": tokCF,
}

// reservedWords are the 159 words that Jira keeps for itself.
const reservedWords = `
abort access add alias alter any as audit avg begin between boolean break byte catch char character check checkpoint collate
collation column commit connect continue count create current date decimal declare decrement default defaults define delete delimiter
difference distinct divide do double drop else encoding end equals escape exclusive exec execute exists explain false fetch field file
first float for function go goto grant greater group having identified if immediate increment index initial inner inout input insert int
integer intersect intersection into isempty isnull join last left less like limit lock long max min minus mode modify modulo more multiply
next noaudit notin nowait number object of option outer output power previous prior privileges public raise raw remainder rename resource
return returns revoke right row rowid rownum rows select session set share size sqrt start strict string subtract sum synonym table then
trans transaction trigger true uid union unique update user validate values view when whenever where while with`

// words holds the keywords and the reserved words by their lower-case form.
var words = allWords()

func allWords() map[string]tokenKind {
	m := make(map[string]tokenKind, 256)
	for w, k := range keywords {
		m[w] = k
	}
	for _, w := range strings.Fields(reservedWords) {
		m[w] = tokReserved
	}
	return m
}

// longestWord bounds the length of the words in words: intersection.
const longestWord = 12

// wordTable holds words by first letter and length, which leaves few to compare.
var wordTable = tabulate(words)

type wordEntry struct {
	word string
	kind tokenKind
}

func tabulate(words map[string]tokenKind) *[26][longestWord + 1][]wordEntry {
	var table [26][longestWord + 1][]wordEntry
	for w, kind := range words {
		place := &table[w[0]-'a'][len(w)]
		*place = append(*place, wordEntry{w, kind})
	}
	return &table
}

// wordKind returns the kind of a bare word: that of the keyword, tokReserved,
// or tokString for all other words.
func wordKind(word string) tokenKind {
	if len(word) > longestWord {
		return tokString
	}
	first := word[0] | 0x20 - 'a'
	if first >= 26 {
		return tokString
	}
	for _, entry := range wordTable[first][len(word)] {
		if equalLetters(word, entry.word) {
			return entry.kind
		}
	}
	return tokString
}

// equalLetters reports whether word, which is as long as lower, is lower with
// some letters in upper case. Only letters of ASCII have cases here.
func equalLetters(word, lower string) bool {
	for i := 1; i < len(word); i++ {
		if c := word[i]; c != lower[i] && (c < 'A' || c > 'Z' || c|0x20 != lower[i]) {
			return false
		}
	}
	return true
}
