package jql

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// The answers of Atlassian's own parser, see testdata/reference/README.md.
// Places are half-open ranges of code points.
type (
	refRange [2]int

	refAnswer struct {
		Query    string    `json:"q"`
		OK       bool      `json:"ok"`
		Category string    `json:"c"`
		AST      *refQuery `json:"ast"`
		Err      *refError `json:"err"`
	}
	refError struct {
		Start, Stop, Line, Col int
	}
	refQuery struct {
		Where    *refNode  `json:"where"`
		Order    []refSort `json:"order"`
		OrderOp  *refRange `json:"orderOp"`
		OrderPos *refRange `json:"orderPos"`
		Pos      refRange  `json:"pos"`
	}
	refSort struct {
		Field  refField  `json:"field"`
		Dir    string    `json:"dir"`
		DirPos *refRange `json:"dirPos"`
		Pos    refRange  `json:"pos"`
	}
	refNode struct {
		Kind  string       `json:"k"`
		Ops   []refRange   `json:"ops"`
		C     []refNode    `json:"c"`
		Not   refRange     `json:"-"`
		Field *refField    `json:"field"`
		RHS   *refOperand  `json:"rhs"`
		Preds []refPred    `json:"preds"`
		Pos   refRange     `json:"pos"`
		Op    *refOperator `json:"op"`
	}
	// A refOperator is the operator of a clause, or just the range of a NOT.
	refOperator struct{ refText }
	refPred     struct {
		Text string      `json:"t"`
		Op   refRange    `json:"op"`
		RHS  *refOperand `json:"rhs"`
		Pos  refRange    `json:"pos"`
	}
	refField struct {
		Text  string    `json:"t"`
		Props []refProp `json:"props"`
		Pos   refRange  `json:"pos"`
	}
	refProp struct {
		Key  refText   `json:"key"`
		Path []refText `json:"path"`
		Pos  refRange  `json:"pos"`
	}
	refOperand struct {
		Kind  string       `json:"k"`
		Text  string       `json:"t"`
		Name  *refText     `json:"name"`
		Args  []refText    `json:"args"`
		Items []refOperand `json:"items"`
		Pos   refRange     `json:"pos"`
	}
	refText struct {
		Text  string   `json:"t"`
		Value string   `json:"v"`
		Pos   refRange `json:"pos"`
	}
)

func (o *refOperator) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, &o.Pos)
	}
	return json.Unmarshal(b, &o.refText)
}

// A refMaker turns our tree into the form of the reference.
type refMaker struct {
	text  string
	runes []int // the code point at each byte
}

func newRefMaker(text string) *refMaker {
	m := &refMaker{text: text, runes: make([]int, len(text)+1)}
	n := 0
	for i := range text {
		m.runes[i] = n
		n++
	}
	m.runes[len(text)] = n
	return m
}

func (m *refMaker) span(s Span) refRange { return refRange{m.runes[s.Start], m.runes[s.End]} }

func (m *refMaker) query(q *Query) *refQuery {
	r := &refQuery{Pos: m.span(q.Span)}
	if q.Where != nil {
		n := m.node(q.Where)
		r.Where = &n
	}
	for i := range q.Order {
		s := &q.Order[i]
		r.Order = append(r.Order, refSort{Field: m.field(&s.Field), Dir: s.Direction, Pos: m.span(s.Span)})
	}
	return r
}

func (m *refMaker) node(x Expr) refNode {
	n := refNode{Pos: m.span(x.Range())}
	switch x := x.(type) {
	case *Logical:
		n.Kind = x.Op
		for _, op := range x.Ops {
			n.Ops = append(n.Ops, m.span(op))
		}
		for _, c := range x.Clauses {
			n.C = append(n.C, m.node(c))
		}
	case *Not:
		n.Kind = "not"
		n.Op = &refOperator{refText{Pos: m.span(x.Op)}}
		n.C = []refNode{m.node(x.X)}
	case *Clause:
		n.Kind = "clause"
		f := m.field(&x.Field)
		n.Field = &f
		n.Op = &refOperator{refText{Text: x.Op.text(m.text), Value: x.Op.Name, Pos: m.span(x.Op.Span)}}
		if x.Operand.Kind != NoOperand {
			n.RHS = m.operand(&x.Operand)
		}
		n.Preds = []refPred{}
		for i := range x.Predicates {
			p := &x.Predicates[i]
			n.Preds = append(n.Preds, refPred{Text: p.Op.text(m.text), Op: m.span(p.Op.Span), RHS: m.operand(&p.Operand), Pos: m.span(p.Span)})
		}
	}
	return n
}

func (m *refMaker) field(f *Field) refField {
	r := refField{Text: f.Text, Props: []refProp{}, Pos: m.span(f.Span)}
	if strings.HasPrefix(f.Name, "cf[") && f.Text[0]|0x20 == 'c' && len(f.Properties) > 0 {
		r.Text = f.text(m.text) // the reference lets it run over the properties
	}
	for i := range f.Properties {
		p := &f.Properties[i]
		path := []refText{}
		for _, o := range p.Path {
			path = append(path, m.leaf(o.Text, o.Span))
		}
		r.Props = append(r.Props, refProp{Key: m.leaf(p.Key.Text, p.Key.Span), Path: path, Pos: m.span(p.Span)})
	}
	return r
}

func (m *refMaker) leaf(text string, span Span) refText {
	return refText{Text: text, Pos: m.span(span)}
}

func (m *refMaker) operand(o *Operand) *refOperand {
	r := &refOperand{Pos: m.span(o.Span)}
	switch o.Kind {
	case StringOperand, NumberOperand:
		r.Kind, r.Text = "value", o.Text
	case EmptyOperand:
		r.Kind = "empty"
	case FunctionOperand:
		r.Kind = "func"
		name := m.leaf(o.Text, o.Name)
		r.Name, r.Args = &name, []refText{}
		for i := range o.Items {
			r.Args = append(r.Args, m.leaf(o.Items[i].Text, o.Items[i].Span))
		}
	case ListOperand:
		r.Kind = "list"
		for i := range o.Items {
			r.Items = append(r.Items, *m.operand(&o.Items[i]))
		}
	}
	return r
}

// forget drops what our tree does not keep: the reference's own values, which
// are no decoding, and the places of ORDER BY and its directions.
func (q *refQuery) forget() {
	q.OrderOp, q.OrderPos = nil, nil
	for i := range q.Order {
		q.Order[i].DirPos = nil
		q.Order[i].Field.forget()
	}
	if q.Where != nil {
		q.Where.forget()
	}
}

func (f *refField) forget() {
	for i := range f.Props {
		p := &f.Props[i]
		p.Key.Value = ""
		for j := range p.Path {
			p.Path[j].Value = ""
		}
	}
}

func (n *refNode) forget() {
	for i := range n.C {
		n.C[i].forget()
	}
	if n.Field != nil {
		n.Field.forget()
	}
	if n.RHS != nil {
		n.RHS.forget()
	}
	for i := range n.Preds {
		n.Preds[i].RHS.forget()
	}
}

func (o *refOperand) forget() {
	if o.Name != nil {
		o.Name.Value = ""
	}
	for i := range o.Args {
		o.Args[i].Value = ""
	}
	for i := range o.Items {
		o.Items[i].forget()
	}
}

// refDisagreement says how our answer in the jira dialect differs from the
// reference's; it is empty if it does not.
func refDisagreement(t testing.TB, want *refAnswer) string {
	q, err := Parse(want.Query, &ParseOptions{Jira: true})
	if err != nil {
		e := err.(ErrorList)[0]
		got := refError{e.Offset, e.Offset + e.Length, e.Line, e.Column - 1}
		switch {
		case want.OK:
			return "refused: " + e.Error()
		case got != *want.Err:
			return "places the error elsewhere: " + refJSON(t, got) + " want " + refJSON(t, want.Err)
		}
		return ""
	}
	if !want.OK {
		return "accepted"
	}
	want.AST.forget()
	got := newRefMaker(want.Query).query(q)
	if g, w := refJSON(t, got), refJSON(t, want.AST); g != w {
		return "another tree:\ngot  " + g + "\nwant " + w
	}
	return ""
}

func refJSON(t testing.TB, v any) string {
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

// TestReference holds the jira dialect against every recorded answer: the
// verdict, the tree with its places, and the place of the first error.
func TestReference(t *testing.T) {
	total, differ := 0, 0
	readReference(t, func(a *refAnswer) {
		total++
		require.True(t, utf8.ValidString(a.Query))
		if d := refDisagreement(t, a); d != "" {
			if differ++; differ <= 20 {
				t.Errorf("%s %q: %s", a.Category, a.Query, d)
			}
		}
	})
	require.Zero(t, differ, "queries that differ, of %d", total)
	require.Greater(t, total, 30_000)
}

// readReference reads the recorded answers, or those in the file that
// JQL_REFERENCE names: record more with testdata/reference/record.mjs.
func readReference(t testing.TB, each func(*refAnswer)) {
	name := os.Getenv("JQL_REFERENCE")
	var data []byte
	var err error
	if name != "" {
		data, err = os.ReadFile(name)
		require.NoError(t, err)
	} else {
		file, err := os.Open("testdata/reference/corpus.jsonl.gz")
		require.NoError(t, err)
		defer file.Close()
		unzip, err := gzip.NewReader(file)
		require.NoError(t, err)
		var b bytes.Buffer
		_, err = b.ReadFrom(unzip)
		require.NoError(t, err)
		data = b.Bytes()
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var a refAnswer
		require.NoError(t, json.Unmarshal(lines.Bytes(), &a), "%s", lines.Text())
		each(&a)
	}
	require.NoError(t, lines.Err())
}
