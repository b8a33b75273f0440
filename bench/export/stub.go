package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/digit-health/dhr/bench/standin"
)

// fields are those that are exported.
var fields = []string{"visit_id", "patient_id", "district", "gender", "age", "visit_date", "medication", "dosage", "symptoms", "facility.code"}

// serve serves a cluster until standard input ends, and says first where.
func serve() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	say("http://%s\n", l.Addr())
	go func() { _ = http.Serve(l, standin.New()) }() //nolint:gosec // nobody but this program asks
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// startStub starts the cluster in another process. Stop ends it.
func (b *bench) startStub(ctx context.Context) (stop func(), err error) {
	c := exec.CommandContext(ctx, os.Args[0], "-child", "stub") //nolint:gosec // this very program
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if b.stub = strings.TrimSpace(line); err != nil || b.stub == "" {
		return nil, errors.Join(errors.New("the cluster does not start"), err)
	}
	return func() {
		_ = in.Close()
		_ = c.Wait()
	}, nil
}
