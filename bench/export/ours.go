package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/digit-health/dhr/bench/standin"
	"github.com/digit-health/dhr/storage/ipfs"
)

// asOf makes the files of several runs equal.
const asOf = "2024-12-01T00:00:00Z"

// export measures server export into a file, of which the name says the format.
func (b *bench) export(ctx context.Context, name string, records int, from ...string) (*result, error) {
	file := filepath.Join(b.dir, name)
	args := append([]string{"export"}, from...)
	args = append(args, "-fields", strings.Join(fields, ","), "-no-bom", "-as-of", asOf, "-o", file)
	r, err := measure(exec.CommandContext(ctx, b.server, args...), records) //nolint:gosec // it was built here
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	r.note = fmt.Sprintf("%d MB", info.Size()>>20)
	return r, nil
}

func (b *bench) cluster(records int) []string {
	return []string{"-data", filepath.Join(b.dir, "data"), "-es", b.stub, "-index", b.index(records)}
}

// exported measures an export from the cluster. A CSV is compared with that of the obvious way, byte by byte.
func exported(extension string) func(ctx context.Context, b *bench) (*result, error) {
	return func(ctx context.Context, b *bench) (*result, error) {
		name := "visits." + extension
		r, err := b.export(ctx, name, b.records, b.cluster(b.records)...)
		if err != nil {
			return nil, err
		}
		file := filepath.Join(b.dir, name)
		defer os.Remove(file) //nolint:errcheck // so is the directory
		if extension != "csv" || b.results["obvious-csv"] == nil {
			return r, nil
		}
		want, err := hashOf(filepath.Join(b.dir, "obvious.csv"), ".000Z")
		if err != nil {
			return nil, err
		}
		got, err := hashOf(file, ".000Z")
		if err != nil {
			return nil, err
		}
		if got != want {
			return nil, errors.New("the file is not that of the obvious way")
		}
		r.note += ", the same bytes as the obvious way"
		return r, nil
	}
}

// hashOf returns the hash of a file in which Z stands for another ending of an instant.
func hashOf(file, ending string) (string, error) {
	f, err := os.Open(file) //nolint:gosec // it was written here
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // it was only read
	sum := sha256.New()
	all := bufio.NewScanner(f)
	for all.Scan() {
		sum.Write(bytes.ReplaceAll(all.Bytes(), []byte(ending), []byte("Z")))
		sum.Write([]byte{'\n'})
	}
	return hex.EncodeToString(sum.Sum(nil)), all.Err()
}

// printed measures a PDF, which people print, of 10,000 records.
func printed(ctx context.Context, b *bench) (*result, error) {
	const most = 10_000
	records := min(b.records, most)
	return b.export(ctx, "visits.pdf", records, b.cluster(records)...)
}

// embedded measures an export from SQLite, into which the records are imported before.
func embedded(ctx context.Context, b *bench) (*result, error) {
	if err := b.load(ctx); err != nil {
		return nil, err
	}
	return b.export(ctx, "embedded.csv", b.records, "-data", filepath.Join(b.dir, "own"), "-index", "visits")
}

// load imports the records, once.
func (b *bench) load(ctx context.Context) error {
	data := filepath.Join(b.dir, "own")
	if _, err := os.Stat(data); err == nil {
		return nil
	}
	file := filepath.Join(b.dir, "mapping.json")
	if err := os.WriteFile(file, []byte(standin.Mapping), 0o600); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, b.server, "import", "-data", data, "-index", "visits", "-mapping", file, "-") //nolint:gosec // it was built here
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	said := &bytes.Buffer{}
	c.Stdout, c.Stderr = said, said
	if err := c.Start(); err != nil {
		return err
	}
	docs, out := standin.New(), bufio.NewWriter(in)
	for i := range b.records {
		_, _ = fmt.Fprintf(out, "{\"_id\":\"%d\",\"_source\":%s}\n", 10_000_000+i, docs[i%len(docs)]) // an error is told below
	}
	if err := errors.Join(out.Flush(), in.Close(), c.Wait()); err != nil {
		return fmt.Errorf("import: %w: %s", err, said)
	}
	return nil
}

var greeting = regexp.MustCompile(`is at (http://\S+)`)

// wholeJob measures an export that is asked for over HTTP, from the request to its completion, as the process tells it, with storage, hash and
// manifest.
func wholeJob(ctx context.Context, b *bench) (*result, error) {
	if err := b.load(ctx); err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, b.server, "-addr", "127.0.0.1:0", "-data", filepath.Join(b.dir, "own")) //nolint:gosec // it was built here
	c.Env = []string{"DHR_SAMPLE_LOAD=never", "DHR_LOG_LEVEL=warn"}                                       // the caller's settings of DHR are not for it
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	url := ""
	for lines := bufio.NewScanner(out); url == "" && lines.Scan(); {
		if m := greeting.FindStringSubmatch(lines.Text()); m != nil {
			url = m[1]
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	r, err := b.job(ctx, url)
	if ended := errors.Join(c.Process.Signal(syscall.SIGTERM), c.Wait()); err != nil || ended != nil {
		return nil, errors.Join(err, ended)
	}
	r.cpu, r.peak = c.ProcessState.UserTime()+c.ProcessState.SystemTime(), peak(c.ProcessState)
	return r, nil
}

func (b *bench) job(ctx context.Context, url string) (*result, error) {
	body, err := json.Marshal(map[string]any{"jql": "", "allowed_indexes": []string{"visits"}, "format": "csv", "fields": fields, "as_of": asOf})
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	var process struct {
		ID, Status string
		Rows       int64 `json:"processed_records"`
	}
	if err := call(ctx, http.MethodPost, url+"/v1/exports", body, &process); err != nil {
		return nil, err
	}
	at := url + "/v1/exports/" + process.ID
	if err := call(ctx, http.MethodGet, at+"/events", nil, nil); err != nil { // until there are no more
		return nil, err
	}
	took := time.Since(begun)
	if err := call(ctx, http.MethodGet, at, nil, &process); err != nil {
		return nil, err
	}
	if process.Status != "completed" || process.Rows != int64(b.records) {
		return nil, fmt.Errorf("the export is %s with %d records", process.Status, process.Rows)
	}
	return &result{records: b.records, wall: took}, nil
}

// call sends a request, and reads its answer to the end.
func call(ctx context.Context, method, url string, body []byte, answer any) error {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(got.Body)
	switch err := errors.Join(err, got.Body.Close()); {
	case err != nil:
		return err
	case got.StatusCode >= http.StatusBadRequest:
		return errors.New(strconv.Itoa(got.StatusCode) + ": " + string(text))
	case answer == nil:
		return nil
	}
	return json.Unmarshal(text, answer)
}

// addressed measures how fast a CID is made: in place of records stand megabytes.
func addressed(context.Context, *bench) (*result, error) {
	const megabytes, wanted = 1024, 500
	piece := bytes.Repeat([]byte("VIS-2024-0000001,PAT-0000001,district-01,female,"), 1<<20/48)
	h := &ipfs.Hasher{}
	begun := time.Now()
	for range megabytes {
		if _, err := h.Write(piece); err != nil {
			return nil, err
		}
	}
	_ = h.CID()
	r := &result{records: megabytes, wall: time.Since(begun)}
	r.cpu = r.wall
	r.note = "megabytes, not records"
	if rate := megabytes / r.wall.Seconds(); rate < wanted {
		r.note += fmt.Sprintf("; MISSED: %d a second are wanted", wanted)
	}
	return r, nil
}
