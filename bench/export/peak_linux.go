package main

import (
	"os"
	"syscall"
)

// peak is the greatest memory of a process that has ended, in MB.
func peak(p *os.ProcessState) int {
	usage, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return int(usage.Maxrss >> 10)
}
