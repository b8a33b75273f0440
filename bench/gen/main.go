// Gen writes what DHR is measured on, one JSON document a line: visits, or tasks of a campaign in
// the shape of DIGIT's project-task-index-v1, as many as are wanted of those of the sample; or other documents of campaigns,
// of package campaign: household-index-v1, household-member-index-v1, individual-index-v1, stock-index-v1.
//
//	go run ./bench/gen -n 1000000 > visits.ndjson
//	go run ./bench/gen -mapping > visits.json
//	go run ./bench/gen -tasks -n 650000 > tasks.ndjson
//	go run ./bench/gen -tasks -mapping > tasks.json
//	go run ./bench/gen -campaign household-index-v1 -n 100000 > households.ndjson
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/digit-health/dhr/bench/campaign"
	"github.com/digit-health/dhr/bench/visits"
	"github.com/digit-health/dhr/server/sample"
)

func main() {
	n := flag.Int("n", 1_000_000, "how many documents to write")
	mapping := flag.Bool("mapping", false, "write the mapping file instead")
	tasks := flag.Bool("tasks", false, "write tasks of a campaign")
	index := flag.String("campaign", "", "write documents of this `index` of campaigns")
	flag.Parse()
	write := run
	if *index != "" {
		write = func(w io.Writer, n int, mapping bool) error { return runCampaign(w, *index, n, mapping) }
	}
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

// runCampaign writes n documents of an index, each as {"_id", "_source"}.
func runCampaign(w io.Writer, index string, n int, mapping bool) error {
	text, err := campaign.Mapping(index)
	if err != nil {
		return err
	}
	if mapping {
		_, err = w.Write(text)
		return err
	}
	out := bufio.NewWriterSize(w, 1<<20)
	for id, doc := range campaign.Documents(index, n) {
		if n--; n < 0 {
			break
		}
		if _, err := fmt.Fprintf(out, "{\"_id\":%q,\"_source\":%s}\n", id, doc); err != nil {
			return err
		}
	}
	return out.Flush()
}
