// Gen writes the visits on which DHR is measured, one JSON document a line.
//
//	go run ./bench/gen -n 1000000 > visits.ndjson
//	go run ./bench/gen -mapping > visits.json
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/digit-health/dhr/bench/visits"
)

func main() {
	n := flag.Int("n", 1_000_000, "how many documents to write")
	mapping := flag.Bool("mapping", false, "write the mapping file instead")
	flag.Parse()
	if err := run(os.Stdout, *n, *mapping); err != nil {
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
