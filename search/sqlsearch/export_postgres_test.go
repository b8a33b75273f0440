package sqlsearch

// What the tests of package sqlsearch_test look at from outside.
var (
	PgError  = pgError
	Escape   = escape
	Unescape = unescape
)

// Busy returns the number of connections in use, and of those that snapshots hold, or nothing
// if there are none.
func Busy(d *Postgres) []int {
	used, held := int(d.pool.Stat().AcquiredConns()), len(d.slots)
	if used == 0 && held == 0 && len(d.holds) == 0 {
		return nil
	}
	return []int{used, held, len(d.holds)}
}
