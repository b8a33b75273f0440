package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/digit-health/dhr/bench/standin"
	"github.com/digit-health/dhr/jql/plan"
	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/search/essearch"
)

// child is what this program is in the processes that it starts.
func child(what string, args []string) error {
	switch {
	case what == "stub":
		return serve()
	case len(args) != 3:
		return errors.New("expected the URL of the cluster, an index and a file")
	case what == "obvious":
		return obviousExport(args[0], args[1], args[2])
	case what == "excelize":
		return excelizeExport(args[0], args[1], args[2])
	}
	return fmt.Errorf("there is no child %q", what)
}

// obvious measures how Go is most often written.
func obvious(kind string) func(ctx context.Context, b *bench) (*result, error) {
	return func(ctx context.Context, b *bench) (*result, error) {
		file := filepath.Join(b.dir, "obvious."+kind)
		c := exec.CommandContext(ctx, os.Args[0], "-child", "obvious", b.stub, b.index(b.records), file) //nolint:gosec // this very program
		return measure(c, b.records)
	}
}

func (b *bench) index(records int) string { return "visits-" + strconv.Itoa(records) }

// obviousExport decodes pages into maps, and writes them with encoding/csv.
func obviousExport(host, index, file string) (err error) {
	f, err := os.Create(file) //nolint:gosec // the caller names the file
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := csv.NewWriter(bufio.NewWriter(f))
	if err := w.Write(fields); err != nil {
		return err
	}
	var after []any
	for {
		hits, err := obviousPage(host, index, after)
		if err != nil {
			return err
		}
		for _, h := range hits {
			row := make([]string, len(fields))
			for i, path := range fields {
				row[i] = obviousCell(h.(map[string]any)["_source"].(map[string]any), path)
			}
			if err := w.Write(row); err != nil {
				return err
			}
		}
		if len(hits) < 10_000 {
			w.Flush()
			return w.Error()
		}
		after = hits[len(hits)-1].(map[string]any)["sort"].([]any)
	}
}

func obviousPage(host, index string, after []any) ([]any, error) {
	body, err := json.Marshal(map[string]any{"size": 10_000, "search_after": after, "pit": map[string]any{"id": index}})
	if err != nil {
		return nil, err
	}
	res, err := http.Post(host+"/_search", "application/json", bytes.NewReader(body)) //nolint:gosec,noctx // it is the obvious way
	if err != nil {
		return nil, err
	}
	var answer map[string]any
	decoder := json.NewDecoder(res.Body)
	decoder.UseNumber()
	if err := errors.Join(decoder.Decode(&answer), res.Body.Close()); err != nil {
		return nil, err
	}
	return answer["hits"].(map[string]any)["hits"].([]any), nil
}

// obviousCell is what DHR writes of the documents of the stub.
func obviousCell(source map[string]any, path string) string {
	var v any = source
	for name := range strings.SplitSeq(path, ".") {
		v = v.(map[string]any)[name]
	}
	switch x := v.(type) {
	case nil:
		return ""
	case []any:
		texts := make([]string, len(x))
		for i := range x {
			texts[i] = fmt.Sprint(x[i])
		}
		return strings.Join(texts, "; ")
	}
	return fmt.Sprint(v)
}

// excelized measures excelize as its manual has it, behind the scan of DHR.
func excelized(ctx context.Context, b *bench) (*result, error) {
	c := exec.CommandContext(ctx, os.Args[0], "-child", "excelize", b.stub, b.index(b.records), filepath.Join(b.dir, "excelize.xlsx")) //nolint:gosec // this very program
	return measure(c, b.records)
}

func excelizeExport(host, index, file string) (err error) {
	ctx := context.Background()
	t, err := essearch.Dial(&essearch.Cluster{Hosts: []string{host}})
	if err != nil {
		return err
	}
	d, err := essearch.Open(ctx, t, nil)
	if err != nil {
		return err
	}
	s, err := record.ParseSchema(index, []byte(standin.Mapping))
	if err != nil {
		return err
	}
	columns, err := s.Project(fields...)
	if err != nil {
		return err
	}
	snapshot, err := d.Snapshot(ctx, index, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	p := &plan.Plan{Schema: s, Where: plan.All{}, Order: []plan.Sort{{Field: s.Field("_id")}}}
	records, _ := snapshot.Scan(ctx, &search.Scan{Plan: p, Columns: columns})
	return excelizeWrite(file, records)
}

func excelizeWrite(file string, records record.Stream) error {
	f := excelize.NewFile()
	w, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		return err
	}
	head := make([]any, len(fields))
	for i := range fields {
		head[i] = fields[i]
	}
	if err := w.SetRow("A1", head); err != nil {
		return err
	}
	row, n := make([]any, len(fields)), 1
	for r, err := range records {
		if err != nil {
			return err
		}
		if n++; n > excelize.TotalRows {
			continue // a sheet is full: what is beyond is read and not written
		}
		for i := range fields {
			row[i] = excelizeCell(r.Values(i))
		}
		if err := w.SetRow("A"+strconv.Itoa(n), row); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return errors.Join(f.SaveAs(file), f.Close())
}

func excelizeCell(values []record.Value) any {
	if len(values) == 1 && values[0].Kind() == record.Int {
		return values[0].Int()
	}
	if len(values) == 1 && values[0].Kind() == record.Float {
		return values[0].Float()
	}
	if len(values) == 1 && values[0].Kind() == record.Time {
		return values[0].Time()
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.Text()
	}
	return strings.Join(texts, "; ")
}

// dumped measures elasticdump, if it is there.
func dumped(kind string) func(ctx context.Context, b *bench) (*result, error) {
	return func(ctx context.Context, b *bench) (*result, error) {
		if b.elasticdump == "" {
			say("elasticdump to %s is not measured: npm install elasticdump, and -elasticdump PATH\n", kind)
			return nil, nil //nolint:nilnil // it was not measured
		}
		file := filepath.Join(b.dir, "dump."+kind)
		args := []string{"--input=" + b.stub + "/" + b.index(b.records), "--type=data", "--limit=10000", "--quiet"}
		if kind == "csv" {
			args = append(args, "--output=csv://"+file)
		} else {
			args = append(args, "--output="+file)
		}
		r, err := measure(exec.CommandContext(ctx, b.elasticdump, args...), b.records) //nolint:gosec // the caller names the program
		if err != nil {
			return nil, err
		}
		lines, objects, err := linesOf(file, "[object Object]")
		if err != nil {
			return nil, err
		}
		r.note = fmt.Sprintf("%d lines", lines)
		if objects > 0 {
			r.note += fmt.Sprintf(", of which %d have [object Object] for a value", objects)
		}
		return r, os.Remove(file)
	}
}

// linesOf counts the lines of a file, and those with a text.
func linesOf(file, text string) (lines, with int, err error) {
	f, err := os.Open(file) //nolint:gosec // it was written here
	if err != nil {
		return 0, 0, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	all := bufio.NewScanner(f)
	all.Buffer(nil, 1<<20)
	for all.Scan() {
		lines++
		if bytes.Contains(all.Bytes(), []byte(text)) {
			with++
		}
	}
	return lines, with, all.Err()
}
