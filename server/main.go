// The server of DHR: go run ./server starts it on this machine, with everything that it needs built in and
// sample records to ask about; server -h says what else it does.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // so that time zones are known wherever the server runs

	"github.com/digit-health/dhr/server/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := &command.Program{
		In: os.Stdin, Out: os.Stdout, Errors: os.Stderr, Env: os.Getenv, Version: version(), Terminal: terminal(os.Stderr),
	}
	code := p.Run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// version is that of the module, or of the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "devel"
}

// terminal reports whether a file is a screen.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
