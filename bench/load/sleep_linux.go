package main

import (
	"syscall"
	"time"
)

// sleepUntil sleeps until an instant, more exactly than time.Sleep, which is up to a millisecond late.
func sleepUntil(at time.Time) {
	for {
		d := time.Until(at)
		if d <= 0 {
			return
		}
		t := syscall.NsecToTimespec(d.Nanoseconds())
		_ = syscall.Nanosleep(&t, nil) // what interrupts it is seen by the loop
	}
}
