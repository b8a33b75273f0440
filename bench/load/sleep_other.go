//go:build !linux

package main

import "time"

// sleepUntil sleeps until an instant.
func sleepUntil(at time.Time) { time.Sleep(time.Until(at)) }
