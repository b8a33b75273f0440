package config

import "time"

// What the test that makes the page needs.

func FormatDuration(d time.Duration) string { return formatDuration(d) }

func Snake(name string) string { return snake(name) }
