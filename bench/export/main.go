// The program export measures exports, side by side with what else people use, and prints ratios:
//
//	go run ./bench/export                    1,000,000 records; some minutes on two cores
//	go run ./bench/export -records 2000000   memory is to be the same
//	go run ./bench/export -only csv,elasticdump -elasticdump ./node_modules/.bin/elasticdump
//
// Records come from a stand-in for Elasticsearch on loopback, another process, so that the clients count and not the
// cluster: documents of 500 bytes, of which ten fields are asked for. Each measurement is a process of its
// own, whose time, CPU and greatest memory are printed. It is to be run on a calm machine, from the module's root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A bench is one run of the program.
type bench struct {
	records     int
	only        []string
	elasticdump string
	dir         string // of everything that is written
	server      string // the program
	stub        string // the URL of the cluster
	results     map[string]*result
	failed      bool
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "-child" {
		if err := child(os.Args[2], os.Args[3:]); err != nil {
			say("%v\n", err)
			os.Exit(1)
		}
		return
	}
	b := &bench{results: map[string]*result{}}
	flag.IntVar(&b.records, "records", 1_000_000, "how many `records` are exported")
	only := flag.String("only", "", "measure these `parts` alone: "+strings.Join(names(), ", ")+" (default all)")
	flag.StringVar(&b.elasticdump, "elasticdump", "", "the `program` elasticdump, of npm (default as found in the PATH)")
	flag.Parse()
	if *only != "" {
		b.only = strings.Split(*only, ",")
	}
	if b.elasticdump == "" {
		b.elasticdump, _ = exec.LookPath("elasticdump")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := b.run(ctx)
	stop()
	if err != nil {
		say("%v\n", err)
		os.Exit(1)
	}
}

// A part is one measurement.
type part struct {
	name, about string
	do          func(ctx context.Context, b *bench) (*result, error)
	against     string  // the part that it is compared with
	ratio       float64 // that it is to have, in the time of the other
	rate        float64 // records per second that it is to have
	memory      int     // MB that it may take at most
}

// parts are in the order in which they are measured.
func parts() []part {
	return []part{
		{name: "obvious-csv", about: "encoding/json, maps, encoding/csv", do: obvious("csv")},
		{name: "csv", about: "server export, CSV", do: exported("csv"), against: "obvious-csv", rate: 200_000, memory: 80},
		{name: "ndjson", about: "server export, NDJSON", do: exported("ndjson"), rate: 250_000, memory: 80},
		{name: "json", about: "server export, JSON", do: exported("json"), rate: 250_000, memory: 80},
		{name: "csv.gz", about: "server export, CSV in gzip", do: exported("csv.gz"), against: "csv", ratio: 1 / 1.6},
		{name: "excelize", about: "the same scan into excelize's StreamWriter", do: excelized},
		{name: "xlsx", about: "server export, XLSX", do: exported("xlsx"), against: "excelize", ratio: 2, rate: 140_000, memory: 150},
		{name: "pdf", about: "server export, PDF of 10,000 records", do: printed, rate: 2000, memory: 200},
		{name: "elasticdump", about: "elasticdump to NDJSON", do: dumped("json")},
		{name: "elasticdump-csv", about: "elasticdump to CSV", do: dumped("csv")},
		{name: "csv-again", about: "server export, CSV", do: exported("csv"), against: "elasticdump-csv", ratio: 4},
		{name: "embedded", about: "server export from SQLite, CSV", do: embedded, rate: 250_000},
		{name: "job", about: "a whole export job over HTTP, SQLite to CSV", do: wholeJob, rate: 250_000},
		{name: "cid", about: "the CID of an IPFS file while it is written", do: addressed},
	}
}

func names() []string {
	var all []string
	for _, p := range parts() {
		all = append(all, p.name)
	}
	return all
}

func (b *bench) run(ctx context.Context) (err error) {
	for _, name := range b.only {
		if !slices.Contains(names(), name) {
			return fmt.Errorf("there is no part %q; there are %s", name, strings.Join(names(), ", "))
		}
	}
	if b.dir, err = os.MkdirTemp("", "dhr-bench-export-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	b.server = filepath.Join(b.dir, "server")
	build := exec.CommandContext(ctx, "go", "build", "-o", b.server, "./server")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("go build ./server, which needs the module's root as working directory: %w", err)
	}
	stop, err := b.startStub(ctx)
	if err != nil {
		return err
	}
	defer stop()
	say("%d records of about 500 bytes, %d fields, from a cluster on loopback\n\n", b.records, len(fields))
	say("%-16s %8s %10s %8s %8s  %s\n", "", "wall s", "records/s", "CPU s", "peak MB", "")
	for _, p := range parts() {
		if len(b.only) > 0 && !slices.Contains(b.only, p.name) {
			continue
		}
		r, err := p.do(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if r != nil {
			b.results[p.name] = r
			b.print(&p, r)
		}
	}
	if b.failed {
		return errors.New("\nnot every target was met")
	}
	return nil
}

// print prints a result, and what is to be said of it.
func (b *bench) print(p *part, r *result) {
	rate := float64(r.records) / r.wall.Seconds()
	say("%-16s %8.2f %10.0f %8.2f %8d  %s", p.name, r.wall.Seconds(), rate, r.cpu.Seconds(), r.peak, p.about)
	if other := b.results[p.against]; other != nil {
		times := (other.wall.Seconds() / float64(other.records)) / (r.wall.Seconds() / float64(r.records))
		say("; %.1fx %s, in CPU %.1fx", times, p.against, (other.cpu.Seconds()/float64(other.records))/(r.cpu.Seconds()/float64(r.records)))
		b.target(p.ratio > 0 && times < p.ratio, ", which is to be %.2fx", p.ratio)
	}
	b.target(p.rate > 0 && rate < p.rate, ", which is to be %.0f records/s", p.rate)
	b.target(p.memory > 0 && r.peak > p.memory, ", which is to take %d MB", p.memory)
	if r.note != "" {
		say("; %s", r.note)
	}
	say("\n")
}

// target says which target was missed.
func (b *bench) target(missed bool, format string, args ...any) {
	if missed {
		b.failed = true
		say(" MISSED"+format, args...)
	}
}

func say(format string, args ...any) { _, _ = fmt.Fprintf(os.Stdout, format, args...) }

// A result is what a measurement has found.
type result struct {
	records int
	wall    time.Duration
	cpu     time.Duration
	peak    int // MB
	note    string
}

// measure runs a process, and returns what it took.
func measure(c *exec.Cmd, records int) (*result, error) {
	begun := time.Now()
	out, err := c.CombinedOutput()
	r := &result{records: records, wall: time.Since(begun)}
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	r.cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	r.peak = peak(c.ProcessState)
	return r, nil
}
