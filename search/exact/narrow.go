package exact

import "github.com/digit-health/dhr/jql/plan"

// Narrow returns a condition in which every leaf is one that the engine can
// answer, and that holds for every record for which n holds. It is exact if it
// holds for no other. A leaf that the engine cannot answer is replaced by
// All, or by what instead returns for it, which must hold for more records and
// have only leaves that the engine can answer; instead may be nil, and may return nil.
// Below a Not, where replacing by more records would find less, what
// remains is All without asking instead.
//
// A leaf is any node but And, Or and Not.
func Narrow(n plan.Node, can func(leaf plan.Node) bool, instead func(leaf plan.Node) plan.Node) (narrowed plan.Node, exact bool) {
	c := narrower{can: can, instead: instead}
	narrowed = c.more(n)
	if !c.replaced {
		return n, true
	}
	_, none := narrowed.(plan.None)
	return narrowed, none
}

type narrower struct {
	can      func(plan.Node) bool
	instead  func(plan.Node) plan.Node
	replaced bool
}

// more returns a condition that holds wherever n does.
func (c *narrower) more(n plan.Node) plan.Node {
	switch n := n.(type) {
	case plan.And:
		return plan.NewAnd(each(n, c.more)...)
	case plan.Or:
		return plan.NewOr(each(n, c.more)...)
	case plan.Not:
		return plan.NewNot(c.less(n.Node))
	case plan.All, plan.None:
		return n
	}
	if c.can(n) {
		return n
	}
	c.replaced = true
	if c.instead != nil {
		if wider := c.instead(n); wider != nil {
			return wider
		}
	}
	return plan.All{}
}

// less returns a condition that holds nowhere but where n does.
func (c *narrower) less(n plan.Node) plan.Node {
	switch n := n.(type) {
	case plan.And:
		return plan.NewAnd(each(n, c.less)...)
	case plan.Or:
		return plan.NewOr(each(n, c.less)...)
	case plan.Not:
		return plan.NewNot(c.more(n.Node))
	case plan.All, plan.None:
		return n
	}
	if c.can(n) {
		return n
	}
	c.replaced = true
	return plan.None{}
}

func each(nodes []plan.Node, change func(plan.Node) plan.Node) []plan.Node {
	out := make([]plan.Node, len(nodes))
	for i, n := range nodes {
		out[i] = change(n)
	}
	return out
}
