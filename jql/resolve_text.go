package jql

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// text resolves ~ and !~.
func (r *resolver) text(t *term) plan.Node {
	if t.Operand.Kind == EmptyOperand {
		return emptiness(t.field, t.positive())
	}
	f := t.field.FullText()
	if f == nil || !f.Searchable {
		r.unsupported(t)
		return plan.None{}
	}
	if t.Operand.Kind == ListOperand {
		r.badList(t)
		return plan.None{}
	}
	var node plan.Node
	if t.Operand.Kind == FunctionOperand {
		values, ok := r.call(t, &t.Operand, f, false, false)
		if !ok || len(values) == 0 {
			return plan.None{}
		}
		node = plan.Match{Field: f, Text: values[0].Text()}
		if !t.positive() {
			node = plan.Not{Node: node}
		}
	} else {
		p := &textParser{r: r, t: t, field: f, text: t.Operand.Value, negate: !t.positive()}
		if node = p.parse(); node == nil {
			return plan.None{}
		}
	}
	r.lintWordless(t)
	if !t.positive() {
		r.lintExcludesEmpty(t)
	}
	if matchesNothingness(node) {
		return plan.NewAnd(plan.Exists{Field: t.field}, node)
	}
	return node
}

// matchesNothingness reports whether a node made of Match nodes is true of an empty text.
func matchesNothingness(n plan.Node) bool {
	switch n := n.(type) {
	case plan.Not:
		return !matchesNothingness(n.Node)
	case plan.And:
		for _, c := range n {
			if !matchesNothingness(c) {
				return false
			}
		}
		return true
	case plan.Or:
		for _, c := range n {
			if matchesNothingness(c) {
				return true
			}
		}
	}
	return false
}

// A textParser reads the small language inside the operand of ~:
//
//	any    : all ("OR" all)*
//	all    : ("AND"? one)*
//	one    : ("NOT" | "!" | "-" | "+") one | "(" any ")" | "phrase" | word
//	word   : letters, perhaps with * and ?, or followed by ~ or ~1 or ~2
//
// Neighbouring plain words are one Match. A backslash takes the next
// character as itself. There is no way to name a field in it.
type textParser struct {
	r      *resolver
	t      *term
	field  *record.Field
	text   string
	pos    int
	depth  int
	negate bool // a NOT above is being pushed down
	failed bool
}

const (
	maxTextDepth = 32
	maxPattern   = 256 // characters of a pattern with * or ?
)

// parse returns the condition, or nil if it complained.
func (p *textParser) parse() plan.Node {
	n := p.any()
	if !p.failed && p.pos < len(p.text) {
		p.fail("')' closes nothing")
	}
	if p.failed {
		return nil
	}
	if n == nil {
		p.fail("there is no word to look for")
		return nil
	}
	return n
}

func (p *textParser) fail(message string) {
	if !p.failed {
		p.failed = true
		p.r.fail(p.t.Operand.Span, "bad_text",
			"the text "+quoted(p.text)+" cannot be searched for: "+message).Found = p.r.q.textOf(&p.t.Operand)
	}
}

// join makes AND or OR of nodes, the other one under a NOT.
func (p *textParser) join(and bool, nodes []plan.Node) plan.Node {
	switch {
	case len(nodes) == 0:
		return nil
	case and != p.negate:
		return plan.NewAnd(nodes...)
	}
	return plan.NewOr(nodes...)
}

func (p *textParser) any() plan.Node {
	var nodes []plan.Node
	for {
		n := p.all()
		if p.failed {
			return nil
		}
		if n != nil {
			nodes = append(nodes, n)
		}
		more := p.word("OR") || p.word("||")
		if more && n == nil {
			p.fail("there is nothing before OR")
		}
		if !more {
			if n == nil && len(nodes) > 0 {
				p.fail("there is nothing after OR")
			}
			return p.join(false, nodes)
		}
	}
}

func (p *textParser) all() plan.Node {
	var nodes []plan.Node
	var words []string
	flush := func() {
		if len(words) > 0 {
			nodes = append(nodes, p.leaf(plan.Match{Field: p.field, Mode: plan.Words, Text: strings.Join(words, " ")}))
			words = nil
		}
	}
	for !p.failed {
		joined := p.word("AND") || p.word("&&")
		if joined && len(nodes)+len(words) == 0 {
			p.fail("there is nothing before AND")
			break
		}
		word, n := p.one()
		if word == "" && n == nil {
			if joined {
				p.fail("there is nothing after AND")
			}
			break
		}
		if n == nil {
			words = append(words, word)
			continue
		}
		flush()
		nodes = append(nodes, n)
	}
	flush()
	return p.join(true, withWords(nodes))
}

// withWords leaves out what has no word to find, such as a lone comma, unless there is nothing else.
func withWords(nodes []plan.Node) []plan.Node {
	some := slices.DeleteFunc(slices.Clone(nodes), func(n plan.Node) bool {
		if not, ok := n.(plan.Not); ok {
			n = not.Node
		}
		m, ok := n.(plan.Match)
		return ok && m.Mode != plan.Wildcard && strings.IndexFunc(m.Text, partOfWord) < 0
	})
	if len(some) == 0 {
		return nodes
	}
	return some
}

// leaf puts the NOT in force on a match.
func (p *textParser) leaf(m plan.Match) plan.Node {
	if p.negate {
		return plan.Not{Node: m}
	}
	return m
}

// one reads one item: a plain word is returned as such, everything else as a node.
// It returns neither at the end, before a closing bracket and before AND and OR.
func (p *textParser) one() (string, plan.Node) {
	p.blanks()
	if p.pos == len(p.text) || p.text[p.pos] == ')' || p.peek("OR") || p.peek("||") || p.peek("AND") || p.peek("&&") {
		return "", nil
	}
	switch c := p.text[p.pos]; {
	case c == '(':
		return "", p.group()
	case c == '"':
		return "", p.phrase()
	case p.word("NOT") || p.sign('!') || p.sign('-'):
		p.negate = !p.negate
		n := p.signed("NOT")
		p.negate = !p.negate
		return "", n
	case p.sign('+'):
		return "", p.signed("+")
	}
	return p.term()
}

// signed reads the item after a sign.
func (p *textParser) signed(sign string) plan.Node {
	if p.depth++; p.depth > maxTextDepth {
		p.fail("it is nested too deep")
		return nil
	}
	word, n := p.one()
	p.depth--
	if word != "" {
		n = p.leaf(plan.Match{Field: p.field, Mode: plan.Words, Text: word})
	}
	if n == nil {
		p.fail("there is nothing after " + sign)
	}
	return n
}

func (p *textParser) group() plan.Node {
	if p.depth++; p.depth > maxTextDepth {
		p.fail("it is nested too deep")
		return nil
	}
	p.pos++
	n := p.any()
	p.depth--
	p.blanks()
	switch {
	case p.failed:
	case p.pos == len(p.text):
		p.fail("a '(' is not closed")
	case n == nil:
		p.fail("there is nothing between brackets")
	default:
		p.pos++
		p.boost('^')
	}
	return n
}

func (p *textParser) phrase() plan.Node {
	var b strings.Builder
	for p.pos++; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			p.boost('~')
			p.boost('^')
			if strings.Trim(b.String(), " \t\r\n") == "" {
				p.fail("there is no word in a phrase")
			}
			return p.leaf(plan.Match{Field: p.field, Mode: plan.Phrase, Text: b.String()})
		case c == '\\' && p.pos+1 < len(p.text):
			p.pos++
		}
		b.WriteByte(p.text[p.pos])
	}
	p.fail("a phrase is not closed by a quotation mark")
	return nil
}

// term reads a word with what is special in it.
func (p *textParser) term() (string, plan.Node) {
	var plain, pattern strings.Builder
	stars, begun := 0, -1 // begun is how much stands before a * that is the only one
	for p.pos < len(p.text) && !strings.ContainsRune(" \t\r\n()\"", rune(p.text[p.pos])) {
		c := p.text[p.pos]
		if c == '~' && plain.Len() > 0 && p.fuzzy() {
			return "", p.fuzziness(plain.String(), stars > 0)
		}
		if c == '^' && plain.Len() > 0 && p.boost('^') {
			break
		}
		p.pos++
		if c == '*' || c == '?' {
			if plain.Len() == 0 {
				p.fail("a word may not begin with * or ?")
				return "", nil
			}
			stars++
			if begun = -1; c == '*' && stars == 1 {
				begun = plain.Len()
			}
			pattern.WriteByte(c)
			continue
		}
		if c == '\\' && p.pos < len(p.text) {
			c = p.text[p.pos]
			p.pos++
			if c == '*' || c == '?' || c == '\\' {
				pattern.WriteByte('\\')
			}
		}
		plain.WriteByte(c)
		pattern.WriteByte(c)
	}
	text := plain.String()
	switch {
	case stars == 0:
		return text, nil
	case begun >= 0 && strings.IndexFunc(text[begun:], partOfWord) < 0: // fev* and fev*, are one
		return "", p.leaf(plan.Match{Field: p.field, Mode: plan.Prefix, Text: strings.ToLower(text[:begun])})
	}
	return "", p.wildcard(pattern.String())
}

// wildcard makes a match of a pattern, which has to fit a single word.
func (p *textParser) wildcard(pattern string) plan.Node {
	pattern = strings.TrimRightFunc(pattern, func(c rune) bool { return c != '*' && c != '?' && c != '\\' && !partOfWord(c) })
	if utf8.RuneCountInString(pattern) > maxPattern {
		p.fail("its pattern is longer than 256 characters")
		return nil
	}
	if i := strings.IndexFunc(pattern, breaksWords); i >= 0 {
		c, _ := utf8.DecodeRuneInString(pattern[i:])
		p.r.warn(p.t.Operand.Span, "never_true", "the pattern "+quoted(pattern)+" fits no word: "+quoted(string(c))+" stands in none")
	}
	return p.leaf(plan.Match{Field: p.field, Mode: plan.Wildcard, Text: strings.ToLower(pattern)})
}

// breaksWords reports whether a character is never part of a word, be it in the middle.
func breaksWords(c rune) bool {
	return !partOfWord(c) && !strings.ContainsRune("*?\\'\u2019\".,:;\u00b7_\u200d\u200c", c)
}

// fuzzy reports whether ~ and a number, or ~ alone, stand next, at the end of a word.
func (p *textParser) fuzzy() bool {
	rest := strings.TrimLeft(p.text[p.pos+1:], "0123456789.")
	return rest == "" || strings.IndexByte(" \t\r\n()^", rest[0]) >= 0
}

// fuzziness reads ~, ~0, ~1 or ~2 at the end of a word.
func (p *textParser) fuzziness(word string, pattern bool) plan.Node {
	start := p.pos + 1
	for p.pos++; p.pos < len(p.text) && strings.IndexByte("0123456789.", p.text[p.pos]) >= 0; {
		p.pos++
	}
	edits := -1
	switch number := p.text[start:p.pos]; {
	case pattern:
		p.fail("a word with * or ? may not end in ~")
		return nil
	case number == "0", number == "1", number == "2":
		edits = int(number[0] - '0')
	case number != "":
		p.fail("a word may differ by ~1 or ~2, not by ~" + number)
		return nil
	}
	p.boost('^')
	return p.leaf(plan.Match{Field: p.field, Mode: plan.Fuzzy, Text: strings.ToLower(word), Edits: edits})
}

// boost passes over ^2 after a word, or ~3 after a phrase: weight and distance,
// which do not change what matches, as in Jira Cloud.
func (p *textParser) boost(sign byte) bool {
	end := p.pos
	if end == len(p.text) || p.text[end] != sign {
		return false
	}
	for end++; end < len(p.text) && (p.text[end] >= '0' && p.text[end] <= '9' || p.text[end] == '.'); end++ {
	}
	if end == p.pos+1 || end < len(p.text) && strings.IndexByte(" \t\r\n()^", p.text[end]) < 0 {
		return false
	}
	p.r.warn(p.t.Operand.Span, "text_weight_ignored", "weights and distances such as "+p.text[p.pos:end]+" are ignored")
	p.pos = end
	return true
}

func (p *textParser) blanks() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

// peek reports whether a connective stands next, as a word of its own.
func (p *textParser) peek(word string) bool {
	p.blanks()
	rest := p.text[p.pos:]
	return strings.HasPrefix(rest, word) && (len(rest) == len(word) || strings.IndexByte(" \t\r\n()\"", rest[len(word)]) >= 0)
}

// word takes a connective.
func (p *textParser) word(word string) bool {
	if !p.peek(word) {
		return false
	}
	p.pos += len(word)
	return true
}

// sign takes a sign that stands directly before what it is about.
func (p *textParser) sign(c byte) bool {
	if p.text[p.pos] != c || p.pos+1 == len(p.text) || strings.IndexByte(" \t\r\n)", p.text[p.pos+1]) >= 0 {
		return false
	}
	p.pos++
	return true
}
