package sqlsearch

// What the tests of package sqlsearch_test look at from outside.
var (
	PgError  = pgError
	Escape   = escape
	Unescape = unescape
)
