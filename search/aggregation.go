package search

import (
	"unicode"
	"unicode/utf8"

	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
)

// An Aggregation asks for records counted and measured in buckets.
//
// # Buckets
//
// Without groups there is one bucket, of all records. With one group there
// is a bucket for each key that a record has; with two, one for each pair of keys.
// A record with several values in a group's field is counted once in each of
// the buckets that its values fall into: in two groups, once in each pair of
// them. A record without a value is in no bucket, unless Group.Missing says so.
// There are no empty buckets. Count is the number of records, never of values
// or nested objects.
type Aggregation struct {
	Plan    *plan.Plan // its order does not matter
	Groups  []Group    // none, one or two
	Metrics []Metric
	// Largest asks for the buckets with the most records, Limit of them; of equal
	// ones those with the lesser key. It goes with one group. Otherwise
	// buckets come in the order of their keys, ascending, Null last.
	Largest bool
	// Limit is the greatest number of buckets. If there are more, the table
	// says so. If zero, all of them, up to the driver's own limit, beyond which the
	// error is ErrTooManyBuckets.
	Limit int
	// After are the keys of the bucket behind which to begin; nil begins at
	// the first. It does not go with Largest.
	After []record.Value
}

// A Group is what records are put into buckets by: the values of a field;
// with Calendar the days, months or other spans that a date falls into; with Width
// the intervals that a number falls into.
type Group struct {
	// Name is the name of the field in a [Question]. Drivers do not look at it.
	Name string
	// Field holds whole values; it is never a text. If it folds case, its values count in
	// lower case.
	Field *record.Field
	// Calendar goes with a field of kind Time. The key is the instant at which the span begins.
	Calendar *Calendar
	// Width is the width of intervals, positive, for Int, Uint and Float. The key of v is the
	// Float floor(v/Width)*Width, computed in float64.
	Width float64
	// Prefix leaves out values that do not begin with it, without regard to
	// case: see [Group.Chooses]. It goes with strings. With it the values, not the records, are chosen.
	Prefix string
	// Missing makes a bucket with the key Null for records without a value.
	Missing bool
}

// Chooses reports whether a value begins with the prefix, without regard to case:
// character by character, as fields that fold case compare.
func (g *Group) Chooses(value string) bool {
	for prefix := g.Prefix; prefix != ""; {
		r, n := utf8.DecodeRuneInString(value)
		q, m := utf8.DecodeRuneInString(prefix)
		if n == 0 || unicode.ToLower(r) != unicode.ToLower(q) {
			return false
		}
		value, prefix = value[n:], prefix[m:]
	}
	return true
}

// A Metric is a figure of a bucket: of all values that its records have in a
// field, with repeats. (Elasticsearch keeps no repeats of strings, addresses
// and booleans, and no metric can tell.)
type Metric struct {
	// Op is one of
	//	count        records of the bucket that have a value; without a field, all
	//	values       the values themselves; Int, Uint, Float, Time
	//	sum, avg     Int, Uint and Float; as a Float, rounded as the engine adds
	//	min, max     Int, Uint, Float, Time; of the field's kind
	//	cardinality  different values, exactly; every kind that groups
	//	percentile   Int, Uint, Float, Time: the least value that at least Percent of all values do not exceed (the nearest rank); the least of all for 0
	Op string
	// Name is the name of the field in a [Question]. Drivers do not look at it.
	Name    string
	Field   *record.Field
	Percent float64 // from 0 to 100
}

// A Table answers an Aggregation.
type Table struct {
	Buckets []Bucket
	// More says that there are buckets beyond the limit.
	More bool
	// Others are, if Largest was asked for, the counts of the buckets beyond the
	// limit added up.
	Others int64
	// Total is the number of records that match, in buckets or not.
	Total int64
}

// A Bucket holds the records that have its keys.
type Bucket struct {
	Keys  []record.Value // one for each group
	Count int64
	// Values are the metrics in their order: an Int for count, values and cardinality;
	// Null for the others where there is no value.
	Values []record.Value
}
