package jql

import "strings"

// String returns the query as canonical text, which both dialects read: key
// words in capitals, single blanks, quotation marks and brackets only where
// they are needed. Parsing the text gives the same query again; only places,
// and the Text of names and values, can differ.
//
// That is so within the limits of [ParseOptions]: canonical text can be up to
// six times as long as what was parsed, since a character that cannot be seen
// becomes an escape, and [Query.And] and [Query.Or] can nest deeper than
// MaxDepth. Of a tree that breaks the grammar String prints what can be printed.
func (q *Query) String() string {
	if q == nil {
		return ""
	}
	var p printer
	p.query(q)
	if p.cut > 0 {
		return string(p.text[:p.cut-1]) + "…"
	}
	return string(p.text)
}

// String returns the field as canonical text, with its properties.
func (f *Field) String() string {
	var p printer
	p.field(f)
	return string(p.text)
}

// String returns the operand as canonical text.
func (o *Operand) String() string {
	var p printer
	p.operand(o)
	return string(p.text)
}

// A printer writes canonical text. If it places, it notes in the nodes where
// they stand in that text, and what they are there.
type printer struct {
	text   []byte
	places bool
	fields []textPlace

	depth   int // how deep brackets, lists and NOT nest here
	deepest int // the greatest depth
	cut     int // if above zero, the text is no longer worth having from cut-1 on
}

// deeper enters brackets, a list or a NOT. It returns false, and everything
// after it is left out, beyond the depth of any good tree: perhaps this one has no end.
func (p *printer) deeper() bool {
	p.depth++
	if p.depth > 2*maxDepth && p.cut == 0 {
		p.cut = len(p.text) + 1
	}
	p.deepest = max(p.deepest, p.depth)
	return p.cut == 0
}

func (p *printer) query(q *Query) {
	if q.Where != nil {
		p.expr(q.Where)
	}
	for i := range q.Order {
		switch {
		case i > 0:
			p.write(", ")
		case len(p.text) > 0:
			p.write(" ORDER BY ")
		default:
			p.write("ORDER BY ")
		}
		p.sortKey(&q.Order[i])
	}
	p.place(&q.Span, 0)
}

func (p *printer) write(s string) { p.text = append(p.text, s...) }

// place notes that a node stands from start to here.
func (p *printer) place(span *Span, start int) {
	if p.places {
		*span = Span{start, len(p.text)}
	}
}

func (p *printer) expr(x Expr) {
	if p.cut > 0 {
		return
	}
	start := len(p.text)
	switch x := x.(type) {
	case *Logical:
		if x != nil {
			p.logical(x)
		}
	case *Not:
		if x != nil {
			p.not(x)
		}
	case *Clause:
		if x != nil {
			p.clause(x)
			p.place(&x.Span, start)
		}
	}
}

func (p *printer) not(n *Not) {
	start := len(p.text)
	p.write("NOT")
	p.place(&n.Op, start)
	p.write(" ")
	_, isLogical := n.X.(*Logical)
	if p.deeper() {
		p.bracketed(n.X, isLogical)
	}
	p.depth--
	p.place(&n.Span, start)
}

// logical writes a chain. Brackets keep a chain in a chain apart, unless it is
// an AND in an OR.
func (p *printer) logical(l *Logical) {
	start := len(p.text)
	if p.places {
		l.Ops = make([]Span, max(0, len(l.Clauses)-1))
	}
	for i, x := range l.Clauses {
		if i > 0 {
			p.write(" ")
			op := len(p.text)
			p.write(strings.ToUpper(l.Op))
			if p.places {
				p.place(&l.Ops[i-1], op)
			}
			p.write(" ")
		}
		inner, isLogical := x.(*Logical)
		p.bracketed(x, isLogical && inner != nil && (l.Op != "or" || inner.Op != "and"))
	}
	p.place(&l.Span, start)
}

func (p *printer) bracketed(x Expr, brackets bool) {
	if !brackets {
		p.expr(x)
		return
	}
	p.write("(")
	if p.deeper() {
		p.expr(x)
	}
	p.depth--
	p.write(")")
}

func (p *printer) clause(c *Clause) {
	p.field(&c.Field)
	p.write(" ")
	start := len(p.text)
	p.write(strings.ToUpper(c.Op.Name))
	p.place(&c.Op.Span, start)
	if c.Operand.Kind != NoOperand {
		p.write(" ")
		p.operand(&c.Operand)
	}
	for i := range c.Predicates {
		p.write(" ")
		pred := &c.Predicates[i]
		start := len(p.text)
		p.write(strings.ToUpper(pred.Op.Name))
		p.place(&pred.Op.Span, start)
		p.write(" ")
		p.operand(&pred.Operand)
		p.place(&pred.Span, start)
	}
}

func (p *printer) sortKey(s *SortKey) {
	start := len(p.text)
	p.field(&s.Field)
	if s.Direction != "" {
		p.write(" ")
		p.write(strings.ToUpper(s.Direction))
	}
	p.place(&s.Span, start)
}

func (p *printer) field(f *Field) {
	start := len(p.text)
	if isNumber(f.Text) && f.Text == f.Name || isCustomField(f) {
		p.write(f.Name)
	} else {
		p.text = appendString(p.text, f.Name)
	}
	p.copyText(&f.Text, start)
	for i := range f.Properties {
		p.property(&f.Properties[i])
	}
	p.place(&f.Span, start)
}

// isCustomField reports whether the field is written cf[10021] or was made
// with that name and no text.
func isCustomField(f *Field) bool {
	id, ok := strings.CutPrefix(f.Name, "cf[")
	if !ok || !strings.HasSuffix(id, "]") {
		return false
	}
	id = id[:len(id)-1]
	if !isNumber(id) || id[0] == '-' || id[0] == '0' && id != "0" {
		return false
	}
	return f.Text == "" || f.Text[0]|0x20 == 'c' && strings.Contains(f.Text, "[")
}

func (p *printer) property(prop *Property) {
	start := len(p.text)
	p.write("[")
	p.operand(&prop.Key)
	p.write("]")
	for i := range prop.Path {
		path := &prop.Path[i]
		if i > 0 || !strings.HasPrefix(path.Value, ".") || needsQuotes(path.Value) {
			p.write(" ")
		}
		p.operand(path)
	}
	p.place(&prop.Span, start)
}

func (p *printer) operand(o *Operand) {
	start := len(p.text)
	switch o.Kind {
	case EmptyOperand:
		p.write("EMPTY")
		p.copyText(&o.Text, start)
	case NumberOperand:
		p.name(o, true)
	case StringOperand:
		p.name(o, false)
	case FunctionOperand:
		p.name(o, isNumber(o.Text))
		p.place(&o.Name, start)
		deepest := p.deepest
		p.items(o.Items)
		p.deepest = deepest // the brackets of a function do not count
	case ListOperand:
		p.items(o.Items)
	}
	p.place(&o.Span, start)
}

// name writes a value or the name of a function.
func (p *printer) name(o *Operand, number bool) {
	start := len(p.text)
	if number && isNumber(o.Value) {
		p.write(o.Value)
	} else {
		p.text = appendString(p.text, o.Value)
	}
	p.copyText(&o.Text, start)
}

func (p *printer) items(items []Operand) {
	p.write("(")
	more := p.deeper()
	for i := 0; i < len(items) && more; i++ {
		if i > 0 {
			p.write(", ")
		}
		p.operand(&items[i])
		more = p.cut == 0
	}
	p.depth--
	p.write(")")
}

// A textPlace remembers a text of a node until the whole text is known.
type textPlace struct {
	to   *string
	span Span
}

// copyText notes that what stands from start to here is the text of a node.
func (p *printer) copyText(to *string, start int) {
	if p.places {
		p.fields = append(p.fields, textPlace{to, Span{start, len(p.text)}})
	}
}

// layOut gives a query its canonical text, and all its nodes their places in
// it. It returns how deep that text nests.
func (q *Query) layOut() (depth int) {
	p := printer{places: true}
	p.query(q)
	q.Text = string(p.text)
	for _, t := range p.fields {
		*t.to = t.span.text(q.Text)
	}
	return p.deepest
}
