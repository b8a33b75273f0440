// The program fhir measures FHIR Bulk Data exports end to end, from the kick-off to files on disk with their hashes, out of the embedded engine:
//
//	go run ./bench/fhir                    200,000 resources; a minute on two cores
//	go run ./bench/fhir -records 1000000   memory is to be the same
//	go run ./bench/fhir -only native,mapped
//
// Each measurement is a process of its own, whose greatest memory is printed beside how many resources it made in a second, how long the
// kick-off took to answer, and how fast its files were downloaded. The program ends with 1 if a target was missed. It is to be run on a calm machine.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A part is one measurement.
type part struct {
	name, about string
	level       string
	group       string
	parameters  map[string][]string
	plain       bool    // files are not compressed
	rate        float64 // resources a second that it is to make; 0 for any
}

const (
	mostMemory    = 120 // MB
	mostKickOff   = 50 * time.Millisecond
	leastDownload = 300 // MB a second, of files as they are stored uncompressed
)

// parts are in the order in which they are measured.
var parts = []part{
	{name: "native", about: "R4 as it lies there, files uncompressed", level: "system", parameters: map[string][]string{"_type": {"Condition"}}, plain: true, rate: 100_000},
	{name: "native.gz", about: "the same, files in gzip", level: "system", parameters: map[string][]string{"_type": {"Condition"}}, rate: 60_000},
	{name: "mapped", about: "records to Observation, files in gzip", level: "system", parameters: map[string][]string{"_type": {"Observation"}}, rate: 40_000},
	{name: "group", about: "the same, of the half of all patients, whose ids are compared in Go", level: "group", group: "half", parameters: map[string][]string{"_type": {"Observation"}}},
	{name: "organized", about: "the same, organized by patients", level: "patient", parameters: map[string][]string{"_type": {"Observation"}, "organizeOutputBy": {"Patient"}}},
}

// A result is what a child has measured.
type result struct {
	Resources, Files   int64
	Wall, KickOff      time.Duration
	Downloaded         int64         // bytes
	Download           time.Duration // of all files, one after another
	PeakKB, StoredSize int64
}

func main() {
	records := flag.Int("records", 200_000, "how many `records` there are of each kind")
	only := flag.String("only", "", "measure these `parts` alone: "+strings.Join(names(), ", ")+" (default all)")
	child := flag.String("child", "", "for the program itself")
	folder := flag.String("folder", "", "for the program itself")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var err error
	if *child != "" {
		err = work(ctx, *child, *folder, *records)
	} else {
		err = run(ctx, *records, *only)
	}
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func names() (all []string) {
	for i := range parts {
		all = append(all, parts[i].name)
	}
	return all
}

// run fills the engine, and measures each part in a process of its own.
func run(ctx context.Context, records int, only string) (err error) {
	chosen := names()
	if only != "" {
		chosen = strings.Split(only, ",")
	}
	folder, err := os.MkdirTemp("", "dhr-bench-fhir-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if _, err := measure(ctx, "fill", folder, records); err != nil {
		return err
	}
	fmt.Printf("%-10s %11s %9s %8s %9s %9s\n", "", "resources/s", "resources", "peak MB", "kick-off", "MB/s down")
	missed := false
	for i := range parts {
		p := &parts[i]
		if !slices.Contains(chosen, p.name) {
			continue
		}
		r, err := measure(ctx, p.name, folder, records)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		missed = p.print(r) || missed
	}
	if missed {
		return errors.New("not every target was met")
	}
	return nil
}

// print prints a result, and reports whether it misses a target.
func (p *part) print(r *result) bool {
	rate := float64(r.Resources) / r.Wall.Seconds()
	down := float64(r.Downloaded) / 1e6 / r.Download.Seconds()
	var missed []string
	for _, target := range []struct {
		missed bool
		what   string
	}{
		{rate < p.rate, fmt.Sprintf("%.0f resources/s", p.rate)},
		{r.PeakKB>>10 > mostMemory, fmt.Sprintf("%d MB", mostMemory)},
		{r.KickOff > mostKickOff, "a kick-off of " + mostKickOff.String()},
		{p.plain && down < leastDownload, fmt.Sprintf("%d MB/s", leastDownload)},
	} {
		if target.missed {
			missed = append(missed, target.what)
		}
	}
	fmt.Printf("%-10s %11.0f %9d %8d %9s %9.0f  %s", p.name, rate, r.Resources, r.PeakKB>>10, r.KickOff.Round(100*time.Microsecond), down, p.about)
	if len(missed) > 0 {
		fmt.Printf("; MISSED: %s", strings.Join(missed, ", "))
	}
	fmt.Println()
	return len(missed) > 0
}

// measure runs the program as a child.
func measure(ctx context.Context, name, folder string, records int) (*result, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, program, "-child", name, "-folder", folder, "-records", strconv.Itoa(records)) //nolint:gosec // it is this program
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, err
	}
	r := new(result)
	if len(bytes.TrimSpace(out)) == 0 {
		return r, nil
	}
	return r, json.Unmarshal(out, r)
}
