package jql

import "strings"

// A spot is what may stand at a place of a query.
type spot uint8

const (
	atClause      spot = iota // a field, NOT or an opening bracket
	atOperator                // an operator
	atInOf                    // IN, after NOT
	atOperand                 // a value or a function
	atList                    // a list or a function that returns one
	atMember                  // a member of a list
	atMemberEnd               // a comma or the end of the list
	atIs                      // EMPTY or NOT
	atIsNot                   // EMPTY
	atConnective              // AND, OR, ORDER BY, a closing bracket, or a predicate
	atBy                      // BY
	atSort                    // a field to sort by
	atDirection               // ASC, DESC or a comma
	atArgument                // an argument of a function
	atArgumentEnd             // a comma or the end of the arguments
)

// A place is where the cursor stands, as far as the tokens before it tell.
type place struct {
	at        spot
	start     bool   // nothing stands before
	field     string // the field of the clause
	op        string // the operator of the clause, in lower case
	predicate string // the predicate, in lower case
	function  string // the function whose arguments are being written
	depth     int    // brackets open around conditions
	lists     int    // brackets open around lists
	value     string // the word just read, if it may yet be the name of a function
}

// connectives are what may stand behind a clause.
func (p *place) connectives() []string {
	words := []string{"AND", "OR", "ORDER BY"}
	if p.depth > 0 {
		words = []string{"AND", "OR", ")"}
	}
	switch {
	case p.op == "changed":
		words = append(words, "FROM", "TO", "AFTER", "BEFORE", "ON", "DURING", "BY")
	case strings.HasPrefix(p.op, "was"):
		words = append(words, "AFTER", "BEFORE", "ON", "DURING", "BY")
	}
	return words
}

// word finds the place of the cursor, and the word that it stands in or behind.
func (c *offers) word(text string, cursor int) {
	c.place = place{start: true}
	c.replace = Span{cursor, cursor}
	l := &lexer{text: text, jira: c.opts.Jira}
	for l.next(); l.token.kind != tokEnd && l.token.start < cursor; l.next() {
		t := l.token
		if t.end >= cursor && isWord(t) {
			c.replace = Span{t.start, t.end}
			if t.kind == tokOpenQuote {
				c.replace.End = cursor
			}
			c.prefix = strings.TrimLeft(text[t.start:cursor], `"'`)
			return
		}
		c.place.step(t, text)
	}
}

// isWord reports whether a token is one that a person may be in the middle of writing.
func isWord(t token) bool {
	if t.kind == tokAnd || t.kind == tokOr {
		return t.end-t.start > 1
	}
	return t.kind == tokString || t.kind == tokNumber || t.kind >= tokIn && t.kind <= tokReserved || t.kind == tokOpenQuote
}

// step moves the place behind a token. What fits nowhere is passed over, but
// the words that begin a new part of the query always do so.
func (p *place) step(t token, text string) {
	p.start = false
	value := p.value
	p.value = ""
	switch t.kind {
	case tokAnd, tokOr:
		*p = place{depth: p.depth}
		return
	case tokOrder:
		*p = place{at: atBy}
		return
	}
	switch p.at {
	case atClause:
		p.clause(t, text)
	case atOperator, atInOf, atIs, atIsNot:
		p.operator(t)
	case atOperand, atList, atMember, atMemberEnd:
		p.operand(t, text, value)
	case atArgument, atArgumentEnd:
		p.argument(t)
	case atConnective:
		p.connective(t, value)
	case atBy, atSort, atDirection:
		p.sort(t)
	}
}

func (p *place) clause(t token, text string) {
	switch t.kind {
	case tokOpen:
		p.depth++
	case tokClose:
		p.depth = max(0, p.depth-1)
	case tokString, tokNumber, tokReserved:
		p.field, p.at = text[t.start:t.end], atOperator
		if t.kind == tokString {
			p.field = decode(p.field, t.quoted, t.escaped)
		}
	}
}

func (p *place) operator(t token) {
	switch t.kind {
	case tokEquals, tokNotEquals, tokLess, tokLessEquals, tokGreater, tokGreaterEq, tokLike, tokNotLike:
		p.op, p.at = "=", atOperand
		switch t.kind {
		case tokLess, tokLessEquals, tokGreater, tokGreaterEq:
			p.op = "<"
		case tokLike, tokNotLike:
			p.op = "~"
		}
	case tokNot:
		if p.at == atIs {
			p.at = atIsNot
		} else {
			p.at = atInOf
		}
	case tokIn:
		p.op, p.at = "in", atList
	case tokIs:
		p.op, p.at = "is", atIs
	case tokWas:
		p.op, p.at = "was", atOperand
	case tokChanged:
		p.op, p.at = "changed", atConnective
	case tokEmpty:
		p.at = atConnective
	case tokClose:
		p.connective(t, "")
	}
}

func (p *place) operand(t token, text, value string) {
	after := atConnective
	if p.lists > 0 {
		after = atMemberEnd
	}
	switch t.kind {
	case tokOpen:
		if value != "" {
			p.function, p.at = value, atArgument
			return
		}
		p.lists++
		p.at = atMember
	case tokClose:
		p.lists = max(0, p.lists-1)
		p.at = atMemberEnd
		if p.lists == 0 {
			p.at = atConnective
		}
	case tokComma:
		p.at = atMember
	case tokNot:
		if p.op == "was" && p.predicate == "" {
			p.at = atOperand
		}
	case tokIn:
		p.at = atList
	case tokEmpty:
		p.at = after
	case tokString, tokNumber, tokReserved:
		p.value, p.at = strings.Trim(text[t.start:t.end], `"'`), after
	}
}

func (p *place) argument(t token) {
	switch t.kind {
	case tokClose:
		p.function, p.at = "", atConnective
		if p.lists > 0 {
			p.at = atMemberEnd
		}
	case tokComma:
		p.at = atArgument
	case tokString, tokNumber:
		p.at = atArgumentEnd
	}
}

func (p *place) connective(t token, value string) {
	switch t.kind {
	case tokOpen:
		if value != "" {
			p.function, p.at = value, atArgument
		}
	case tokClose:
		p.depth = max(0, p.depth-1)
		p.at = atConnective
		p.op = ""
	case tokAfter, tokBefore, tokOn, tokDuring, tokBy, tokFrom, tokTo:
		names := map[tokenKind]string{tokAfter: "after", tokBefore: "before", tokOn: "on", tokDuring: "during",
			tokBy: "by", tokFrom: "from", tokTo: "to"}
		p.predicate, p.at = names[t.kind], atOperand
	case tokIn:
		if p.op == "was" {
			p.at = atList
		}
	}
}

func (p *place) sort(t token) {
	switch {
	case p.at == atBy && t.kind == tokBy, t.kind == tokComma:
		p.at = atSort
	case p.at == atSort:
		p.at = atDirection
	}
}
