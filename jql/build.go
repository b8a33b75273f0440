package jql

// A template holds what the parameters of [Bind] stand for.
type template struct {
	args []any
	used int
}

func (t *template) condition() (Expr, bool) { return nil, false }

func (p *parser) boundField(f *Field) bool                  { return p.fail(noField) }
func (p *parser) boundOperand(o *Operand, want wanted) bool { return p.fail(noOperand(want)) }
func (p *parser) boundArgument(o *Operand) bool             { return p.fail(noArgument) }
func (p *parser) boundItems() bool                          { return p.fail(noOperand(wantAny)) }
