package bulk

import "time"

// SetPause sets the time before a file is stored for the second time.
func SetPause(s *Service, d time.Duration) { s.shelf = s.newShelf(d) }

// FailureOf is failureOf.
var FailureOf = failureOf
