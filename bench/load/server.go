package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// build builds ./server, with a cache of its own if cold.
func build(ctx context.Context, to, dir string, cold bool) (took, cpu time.Duration, err error) {
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", to, "./server")
	if cold {
		c.Env = append(c.Environ(), "GOCACHE="+filepath.Join(dir, "cache"))
	}
	c.Stderr = os.Stderr
	begun := time.Now()
	if err := c.Run(); err != nil {
		return 0, 0, fmt.Errorf("go build ./server, which needs the module's root as working directory: %w", err)
	}
	return time.Since(begun), c.ProcessState.UserTime() + c.ProcessState.SystemTime(), nil
}

// A server is one that runs.
type server struct {
	command *exec.Cmd
	address string // host and port
	took    time.Duration
	output  bytes.Buffer // what it said on its standard error, when it has ended
}

// start starts a server on a free port, and waits until it answers.
func start(ctx context.Context, program, data string, patience time.Duration) (*server, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s := &server{command: exec.Command(program, "-addr", "127.0.0.1:0", "-data", data)} //nolint:gosec // the caller names the program
	s.command.Env = []string{}                                                          // the caller's settings of DHR are not for it
	s.command.Stderr = &s.output
	out, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	if err := s.ready(ctx, out); err != nil {
		_ = s.command.Process.Kill()
		_ = s.command.Wait()
		return nil, fmt.Errorf("the server did not start: %w\n%s", err, s.output.Bytes())
	}
	s.took = time.Since(begun)
	go io.Copy(io.Discard, out) //nolint:errcheck // it ends with the server
	return s, nil
}

// ready reads where the server is, and waits until it is ready.
func (s *server) ready(ctx context.Context, out io.Reader) error {
	said := make(chan string, 1)
	go func() {
		defer close(said)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, at, ok := strings.Cut(lines.Text(), " is at "); ok {
				said <- at
				return
			}
		}
	}()
	select {
	case at, ok := <-said:
		u, err := url.Parse(at)
		if !ok || err != nil {
			return errors.New("it did not say where it is")
		}
		s.address = u.Host
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/readyz", nil)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(r); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return err
		}
	}
}

func (s *server) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", s.address)
}

// stop ends the server as an operator would.
func (s *server) stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	killer := time.AfterFunc(30*time.Second, func() { _ = s.command.Process.Kill() })
	defer killer.Stop()
	if err := s.command.Wait(); err != nil {
		return fmt.Errorf("the server ended badly: %w\n%s", err, last(s.output.Bytes(), 2000))
	}
	return nil
}

func last(b []byte, n int) []byte { return b[max(len(b)-n, 0):] }

// A usage is what a process has taken so far. Where the system does not say, numbers are -1.
type usage struct {
	resident, peak int64
	cpu            time.Duration
}

// used reads what Linux says of the server.
func (s *server) used() usage {
	u := usage{-1, -1, -1}
	dir := filepath.Join("/proc", strconv.Itoa(s.command.Process.Pid))
	status, _ := os.ReadFile(filepath.Join(dir, "status"))
	for text := range strings.Lines(string(status)) {
		words := strings.Fields(text)
		if len(words) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(words[1], 10, 64)
		switch words[0] {
		case "VmRSS:":
			u.resident = n << 10
		case "VmHWM:":
			u.peak = n << 10
		}
	}
	stat, _ := os.ReadFile(filepath.Join(dir, "stat"))
	if _, rest, ok := strings.Cut(string(stat), ") "); ok {
		if words := strings.Fields(rest); len(words) > 12 {
			user, _ := strconv.ParseInt(words[11], 10, 64)
			system, _ := strconv.ParseInt(words[12], 10, 64)
			u.cpu = time.Duration(user+system) * 10 * time.Millisecond // the unit is a hundredth of a second on all of them
		}
	}
	return u
}
