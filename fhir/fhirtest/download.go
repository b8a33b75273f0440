package fhirtest

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"sync"
)

// parallel is how many files are downloaded at once.
const parallel = 5

// A File is one that a manifest lists.
type File struct {
	Type            string `json:"type"`
	URL             string `json:"url"`
	Count           *int64 `json:"count"`
	ContinuesInFile string `json:"continuesInFile"`
}

// A Manifest is that of an export, as far as the client reads it.
type Manifest struct {
	TransactionTime     string  `json:"transactionTime"`
	Request             string  `json:"request"`
	RequiresAccessToken bool    `json:"requiresAccessToken"`
	OutputOrganizedBy   string  `json:"outputOrganizedBy"`
	Output              []File  `json:"output"`
	Deleted             []File  `json:"deleted"`
	Error               *[]File `json:"error"`
	Link                []struct {
		Relation string `json:"relation"`
		URL      string `json:"url"`
	} `json:"link"`
}

// A Result is what an export was.
type Result struct {
	// Status is where its status is.
	Status string
	// Manifests are the manifests as they came, more than one if they were linked.
	Manifests [][]byte
	// Header is that of the answer with the first manifest.
	Header http.Header
	// Files, Resources and Bytes are how many were downloaded.
	Files, Resources, Bytes int64
	// Count is how many resources there were, by type; Errors and Deleted how many lines of such files.
	Count           map[string]int64
	Errors, Deleted int64
	// IDs are the ids of the resources, by type.
	IDs map[string]map[string]bool
	// Lines are those of error files.
	Lines [][]byte
}

// Finish waits for an export, and downloads its files.
func (c *Client) Finish(ctx context.Context, status string) (*Result, error) {
	all := &Result{Status: status, Count: map[string]int64{}, IDs: map[string]map[string]bool{}}
	for at := status; at != ""; {
		got, err := c.complete(ctx, at)
		if err != nil {
			return nil, err
		}
		m := &Manifest{}
		if err := json.Unmarshal(got.Body, m); err != nil {
			return nil, fmt.Errorf("fhirtest: the manifest: %w: %s", err, got.Body)
		}
		if m.Error == nil {
			return nil, fmt.Errorf("fhirtest: the manifest has no error: %s", got.Body)
		}
		all.Manifests = append(all.Manifests, got.Body)
		if all.Header == nil {
			all.Header = got.Header
		}
		if err := c.download(ctx, m, all); err != nil {
			return nil, err
		}
		at = ""
		for _, l := range m.Link {
			if l.Relation == "next" {
				at = l.URL
			}
		}
	}
	return all, nil
}

// complete polls until there is a manifest.
func (c *Client) complete(ctx context.Context, at string) (*Response, error) {
	for {
		got, err := c.Poll(ctx, at)
		switch {
		case err != nil:
			return nil, err
		case got.Status == http.StatusOK && len(got.Body) > 0:
			return got, nil
		case got.Status == http.StatusAccepted, got.Status == http.StatusTooManyRequests, got.Status == http.StatusServiceUnavailable:
			if err := c.pause(ctx, got); err != nil {
				return nil, err
			}
		default:
			return nil, got
		}
	}
}

// A load is a file that is to be downloaded.
type load struct {
	File

	kind string // output, deleted or error
	n    int
}

func (c *Client) download(ctx context.Context, m *Manifest, into *Result) error {
	var all []load
	for _, part := range []struct {
		kind  string
		files []File
	}{{"output", m.Output}, {"deleted", m.Deleted}, {"error", *m.Error}} {
		for _, f := range part.files {
			all = append(all, load{f, part.kind, len(all)})
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	turns := make(chan struct{}, parallel)
	var (
		working sync.WaitGroup
		mu      sync.Mutex
		errs    []error
	)
	for _, l := range all {
		working.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			one := &Result{Count: map[string]int64{}, IDs: map[string]map[string]bool{}}
			err := c.file(ctx, m, &l, one)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("fhirtest: %s %s: %w", l.kind, l.URL, err))
				cancel()
				return
			}
			into.add(one)
		})
	}
	working.Wait()
	return errors.Join(errs...)
}

func (r *Result) add(one *Result) {
	r.Files++
	r.Resources += one.Resources
	r.Bytes += one.Bytes
	r.Errors += one.Errors
	r.Deleted += one.Deleted
	r.Lines = append(r.Lines, one.Lines...)
	for of, n := range one.Count {
		r.Count[of] += n
	}
	for of, ids := range one.IDs {
		if r.IDs[of] == nil {
			r.IDs[of] = map[string]bool{}
		}
		for id := range ids {
			r.IDs[of][id] = true
		}
	}
}

// file downloads one file and counts what is in it.
func (c *Client) file(ctx context.Context, m *Manifest, l *load, into *Result) error {
	u, err := url.Parse(l.URL)
	if err != nil || !u.IsAbs() {
		return errors.New("it is no absolute URL")
	}
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.URL, nil)
		if err != nil {
			return err
		}
		r.Header.Set("Accept-Encoding", "gzip, deflate, br, identity")
		r.Header.Del("Accept")
		if m.RequiresAccessToken {
			token, err := c.Token(ctx)
			if err != nil {
				return err
			}
			r.Header.Set("Authorization", "Bearer "+token)
		}
		got, err := c.http().Do(r)
		if err != nil {
			return err
		}
		if got.StatusCode == http.StatusTooManyRequests {
			err := c.pause(ctx, &Response{Header: got.Header})
			if err = errors.Join(err, got.Body.Close()); err != nil {
				return err
			}
			continue
		}
		err = c.read(got, m, l, path.Base(u.Path), into)
		return errors.Join(err, got.Body.Close())
	}
}

func (c *Client) read(got *http.Response, m *Manifest, l *load, name string, into *Result) error {
	if got.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(got.Body, 4<<10))
		return errors.Join(&Response{"the file", got.StatusCode, got.Header, body}, err)
	}
	if media := got.Header.Get("Content-Type"); media != "application/fhir+ndjson" {
		return fmt.Errorf("its Content-Type is %q", media)
	}
	var from io.Reader = got.Body
	switch encoding := got.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(got.Body)
		if err != nil {
			return err
		}
		from = z
	default:
		return fmt.Errorf("its Content-Encoding is %q", encoding)
	}
	if c.Dir != "" {
		f, err := os.Create(filepath.Join(c.Dir, fmt.Sprintf("%s.%d.%s", l.kind, l.n, name))) //nolint:gosec // the test names the folder
		if err != nil {
			return err
		}
		err = lines(io.TeeReader(from, f), m, l, into)
		return errors.Join(err, f.Close())
	}
	return lines(from, m, l, into)
}

// lines reads the lines of a file, each of which is a resource.
func lines(from io.Reader, m *Manifest, l *load, into *Result) error {
	b := bufio.NewReaderSize(from, 64<<10)
	n := int64(0)
	for {
		line, err := b.ReadBytes('\n')
		into.Bytes += int64(len(line))
		if errors.Is(err, io.EOF) && len(line) == 0 {
			break
		} else if err != nil {
			return fmt.Errorf("line %d does not end: %w", n+1, err)
		}
		n++
		if err := into.resource(line, m, l); err != nil {
			return fmt.Errorf("line %d: %w: %.300s", n, err, line)
		}
	}
	if l.Count != nil && *l.Count != n {
		return fmt.Errorf("it has %d resources, and the manifest says %d", n, *l.Count)
	}
	return nil
}

// resource counts one line.
func (r *Result) resource(line []byte, m *Manifest, l *load) error {
	var resource struct{ ResourceType, ID string }
	if err := json.Unmarshal(line, &resource); err != nil {
		return err
	}
	want := l.Type
	switch {
	case l.kind == "error":
		want = "OperationOutcome"
	case l.kind == "deleted":
		want = "Bundle"
	case m.OutputOrganizedBy != "":
		want = resource.ResourceType
	}
	if want == "" || resource.ResourceType != want {
		return fmt.Errorf("it is a %q in a file of %q", resource.ResourceType, want)
	}
	switch l.kind {
	case "error":
		r.Errors++
		r.Lines = append(r.Lines, line)
		return nil
	case "deleted":
		r.Deleted++
		return nil
	}
	r.Resources++
	r.Count[resource.ResourceType]++
	if r.IDs[resource.ResourceType] == nil {
		r.IDs[resource.ResourceType] = map[string]bool{}
	}
	r.IDs[resource.ResourceType][resource.ID] = true
	return nil
}
