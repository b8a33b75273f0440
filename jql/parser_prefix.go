package jql

// A prefix is what is known about the end of a text that need not be a whole
// query, nor a right one.
type prefix struct {
	// word is the unfinished word, number or quoted string that the text ends
	// in; it is empty, and at the end, if the text ends in none. All the rest
	// is about the place where it begins.
	word Span
	// want is what may stand there.
	want wanted
	// field is the field of the clause there, where want is about an operator,
	// an operand or a predicate. It is nil in ORDER BY and where a condition begins.
	field *Field
	// operator is the operator of that clause, empty before one.
	operator string
	// predicate is the last predicate of that clause, empty before one.
	predicate string
	// function is the function whose arguments stand there, if they do.
	function string
	// lists is how many lists are open there, and members how many members of
	// the innermost stand before the place, -1 between the brackets of a function.
	lists, members int
}

// A completer follows a parser through a prefix. With one, the parser makes no
// errors, and goes on after them where the next condition begins.
type completer struct {
	clause              *Clause
	predicate, function string
	lists, members      int
}

// parsePrefix finds out what may stand at the end of text, in the DHR dialect.
func parsePrefix(text string) prefix {
	last := lastToken(text)
	if last.end == len(text) {
		switch last.kind {
		case tokBang, tokLess, tokGreater: // the beginning of an operator where one may stand
			if place := prefixBefore(text, last.span()); place.want&wantOperator != 0 {
				return place
			}
		}
	}
	return prefixBefore(text, wordOf(text, last))
}

// prefixBefore finds out what may stand where word does, the last in text.
func prefixBefore(text string, word Span) prefix {
	var p parser
	p.init(text[:word.Start], &ParseOptions{MaxLength: len(text) + 1, MaxNodes: 2*len(text) + 1})
	p.completer = &completer{}
	p.lexer.next()
	q := &p.arena.query
	for ok, last := p.query(q), -1; !ok && p.token.kind != tokEnd; {
		if p.token.start == last {
			p.next() // so that it ends
		}
		last = p.token.start
		ok = p.restart(q)
	}
	if p.brackets > 0 && p.want&wantOrderBy != 0 {
		p.want = p.want&^(wantOrderBy|wantEnd) | wantClose
	}
	found := prefix{word: word, want: p.want}
	const inClause = wantOperator | wantIn | wantIsNot | wantAny | wantArgument | wantWasPredicate | wantChangedPredicate
	c := p.completer.clause
	if c != nil && p.completer.lists > 0 {
		found.predicate, found.lists, found.members = p.completer.predicate, p.completer.lists, p.completer.members
	}
	if c != nil && p.want&inClause != 0 {
		found.field, found.operator, found.predicate = &c.Field, c.Op.Name, p.completer.predicate
		if p.want&wantArgument != 0 {
			found.function = p.completer.function
		}
	}
	return found
}

// lastToken returns the last token of text, the zero token if there is none.
func lastToken(text string) token {
	l := lexer{text: text}
	last := token{}
	for l.next(); l.token.kind != tokEnd; l.next() {
		last = l.token
	}
	return last
}

// wordOf returns the place of the last token of text if it is a word that text
// ends in, otherwise the empty place at the end.
func wordOf(text string, last token) Span {
	isWord := last.kind >= tokIn && last.kind <= tokReserved || last.kind == tokNumber ||
		last.kind == tokString && !last.quoted || last.kind == tokOpenQuote
	sign := last.start < len(text) && charClasses[text[last.start]] == classPunct // & and |
	if last.end == len(text) && isWord && !sign {
		return last.span()
	}
	return Span{len(text), len(text)}
}

// restart goes on after an error with the next condition, or with ORDER BY.
func (p *parser) restart(q *Query) bool {
	p.depth, p.items, p.completer.lists = 0, p.items[:0], 0
	for {
		switch p.token.kind {
		case tokAnd, tokOr:
			p.next()
			_, ok := p.or()
			return ok && p.rest(q)
		case tokNot, tokBang, tokOpen:
			_, ok := p.or()
			return ok && p.rest(q)
		case tokOrder:
			return p.rest(q)
		case tokClose:
			p.brackets = max(0, p.brackets-1)
		case tokEnd:
			p.want = wantAnd | wantOr | wantOrderBy | wantEnd
			return true
		}
		p.next()
	}
}

// skipToComma leaves out what cannot stand between two members of a list.
func (p *parser) skipToComma() {
	for p.token.kind != tokComma && p.token.kind != tokClose && p.token.kind != tokEnd {
		p.next()
	}
}
