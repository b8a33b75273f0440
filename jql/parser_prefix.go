package jql

// A completer follows a parser through text that is not finished.
type completer struct {
	clause    *Clause
	predicate string
}

// skipToComma leaves out what cannot stand between two members of a list.
func (p *parser) skipToComma() {
	for p.token.kind != tokComma && p.token.kind != tokClose && p.token.kind != tokEnd {
		p.next()
	}
}
