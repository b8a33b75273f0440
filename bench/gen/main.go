// Gen writes what DHR is measured on, one JSON document a line: visits, or tasks of a campaign in
// the shape of DIGIT's project-task-index-v1, as many as are wanted of those of the sample.
//
//	go run ./bench/gen -n 1000000 > visits.ndjson
//	go run ./bench/gen -mapping > visits.json
//	go run ./bench/gen -tasks -n 650000 > tasks.ndjson
//	go run ./bench/gen -tasks -mapping > tasks.json
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/digit-health/dhr/bench/visits"
	"github.com/digit-health/dhr/server/sample"
)

func main() {
	n := flag.Int("n", 1_000_000, "how many documents to write")
	mapping := flag.Bool("mapping", false, "write the mapping file instead")
	tasks := flag.Bool("tasks", false, "write tasks of a campaign")
	flag.Parse()
	write := run
	if *tasks {
		write = runTasks
	}
	if err := write(os.Stdout, *n, *mapping); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, n int, mapping bool) error {
	if mapping {
		_, err := w.Write(visits.Mapping())
		return err
	}
	out := bufio.NewWriterSize(w, 1<<20)
	for _, doc := range visits.Sources(n) {
		if _, err := out.Write(append(doc, '\n')); err != nil {
			return err
		}
	}
	return out.Flush()
}

const taskIndex = "project-task-index-v1"

// runTasks writes n tasks, each as {"_id", "_source"}: those of the sample over and over, each time with other ids.
func runTasks(w io.Writer, n int, mapping bool) error {
	if mapping {
		text, err := sample.Mapping(taskIndex)
		if err == nil {
			_, err = w.Write(text)
		}
		return err
	}
	out := bufio.NewWriterSize(w, 1<<20)
	for round := 0; n > 0; round++ {
		all, err := sample.Documents(taskIndex)
		if err != nil {
			return err
		}
		for id, doc := range all {
			if n--; n < 0 {
				break
			}
			again := id
			if round > 0 {
				again = fmt.Sprintf("%s%012x", id[:24], n)
			}
			if _, err := fmt.Fprintf(out, "{\"_id\":%q,\"_source\":%s}\n", again, bytes.ReplaceAll(doc, []byte(id), []byte(again))); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}
