package searchtest

import (
	"errors"
	"time"

	"github.com/stretchr/testify/require"
)

func isOneOf(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// settled holds that the engine has no more snapshots open than before, within a second.
func (s *suite) settled(t tb, before int) {
	t.Helper()
	if s.OpenContexts == nil {
		return
	}
	s.checks.all.Add(1)
	require.Eventually(t, func() bool {
		n, err := s.OpenContexts()
		return err == nil && n <= before
	}, time.Second, 20*time.Millisecond, "snapshots are left open")
}
