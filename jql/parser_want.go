package jql

// A wanted is a set of things that may stand at a place in a query.
type wanted uint32

const (
	wantField wanted = 1 << iota
	wantNot          // NOT before a condition
	wantOpen         // ( before a condition
	wantOperator
	wantIn // after NOT and WAS
	wantIsNot
	wantValue
	wantFunction
	wantList
	wantEmpty
	wantArgument
	wantParen // ( after the name of a function
	wantProperty
	wantPath
	wantCustomField
	wantOpenBracket
	wantCloseBracket
	wantWasPredicate
	wantChangedPredicate
	wantComma
	wantClose
	wantAnd
	wantOr
	wantOrderBy
	wantBy
	wantDirection
	wantEnd

	wantScalar        = wantValue | wantFunction
	wantScalarOrEmpty = wantScalar | wantEmpty
	wantMany          = wantList | wantFunction
	wantAny           = wantScalarOrEmpty | wantList
)

// operatorNames are the operators as they are written.
var operatorNames = []string{
	"=", "!=", "<", ">", "<=", ">=", "~", "!~", "IN", "NOT IN", "IS", "IS NOT",
	"WAS", "WAS NOT", "WAS IN", "WAS NOT IN", "CHANGED",
}

// wantNames are the things of a wanted as an error lists them.
var wantNames = []struct {
	want  wanted
	names []string
}{
	{wantField, []string{"a field name"}},
	{wantNot, []string{"NOT"}},
	{wantOpen, []string{"("}},
	{wantOperator, operatorNames},
	{wantIsNot, []string{"NOT"}},
	{wantIn, []string{"IN"}},
	{wantEmpty, []string{"EMPTY"}},
	{wantValue, []string{"a value"}},
	{wantList, []string{"a list"}},
	{wantFunction, []string{"a function"}},
	{wantArgument, []string{"an argument"}},
	{wantParen, []string{"("}},
	{wantProperty, []string{"a property key"}},
	{wantCustomField, []string{"a custom field id"}},
	{wantOpenBracket, []string{"["}},
	{wantCloseBracket, []string{"]"}},
	{wantPath, []string{"a property path"}},
	{wantWasPredicate, []string{"AFTER", "BEFORE", "ON", "DURING", "BY"}},
	{wantChangedPredicate, []string{"AFTER", "BEFORE", "ON", "DURING", "BY", "FROM", "TO"}},
	{wantComma, []string{","}},
	{wantClose, []string{")"}},
	{wantAnd, []string{"AND"}},
	{wantOr, []string{"OR"}},
	{wantOrderBy, []string{"ORDER BY"}},
	{wantBy, []string{"BY"}},
	{wantDirection, []string{"ASC", "DESC"}},
	{wantEnd, []string{"the end of the query"}},
}

// names lists the things in a set.
func (w wanted) names() []string {
	var names []string
	for _, n := range wantNames {
		if w&n.want != 0 {
			names = append(names, n.names...)
		}
	}
	return names
}
