package job

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/digit-health/dhr/docstore"
)

// A document of docstore has labels of which any may match, so that a state of a user has a
// label of its own.
const (
	stateLabel     = "state:"
	userLabel      = "user:"
	userStateLabel = "user-state:" // the state, a colon and the user
	maxUser        = 256           // as package auth has it
	// maxContent bounds the texts of others in a job, so that there is always room to say how it ended.
	maxContent = docstore.MaxBody - 128<<10
	maxText    = 4 << 10 // of an error
)

// orderName returns the name of the document of a job, by which the newest are found first.
func orderName(created time.Time) string {
	return created.UTC().Format("2006-01-02T15:04:05.000000000Z")
}

// check returns what is wrong with what the submitter said.
func (j *Job) check() error {
	if len(j.User) > maxUser {
		return fmt.Errorf("%w: the user has %d bytes, at most %d are allowed", ErrInvalid, len(j.User), maxUser)
	}
	if j.MaxAttempts < 0 {
		return fmt.Errorf("%w: at most %d attempts", ErrInvalid, j.MaxAttempts)
	}
	return j.checkContent()
}

// checkContent returns what is wrong with the labels of j, and with how long its texts are.
func (j *Job) checkContent() error {
	size := len(j.Spec) + len(j.Work) + len(j.Code) + len(j.Message)
	for _, l := range j.Labels {
		size += 2*len(l) + 10
		for _, reserved := range []string{stateLabel, userLabel, userStateLabel} {
			if strings.HasPrefix(l, reserved) {
				return fmt.Errorf("%w: the label %q begins with %q, which is reserved", ErrInvalid, l, reserved)
			}
		}
	}
	if size > maxContent {
		return fmt.Errorf("%w: %w: its content has %d bytes, at most %d are allowed", ErrInvalid, docstore.ErrTooLarge, size, maxContent)
	}
	return nil
}

// short returns the text of an error, cut if nobody would read it to its end.
func short(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}

// encode returns the document of j.
func (j *Job) encode() (*docstore.Document, error) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(j); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	labels := append(slices.Clone(j.Labels), stateLabel+string(j.State))
	if j.User != "" {
		labels = append(labels, userLabel+j.User, userStateLabel+string(j.State)+":"+j.User)
	}
	return &docstore.Document{Key: j.Key(), Name: orderName(j.Created), Labels: labels, Body: body.Bytes()}, nil
}

// decode returns the job of a document.
func decode(d *docstore.Document) (*Job, error) {
	j := &Job{}
	if err := json.Unmarshal(d.Body, j); err != nil {
		return nil, fmt.Errorf("job: %v: %w: %w", d.Key, docstore.ErrCorrupt, err)
	}
	j.Tenant, j.Kind, j.ID, j.Version, j.Change = d.Tenant, d.Kind, d.ID, d.Version, d.Change
	if j.First == 0 { // nobody has written it since
		j.First = j.Change
	}
	return j, nil
}

// invalid marks an error of the store that says that what was to be written makes no sense.
func invalid(err error) error {
	if errors.Is(err, docstore.ErrInvalid) {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return err
}

// checkOwner returns what an owner must not have changed.
func checkOwner(before, after *Job) error {
	free := before.State != Processing
	allowed := before.grant(after, free)
	if free {
		allowed.Priority = after.Priority
	}
	if before.State.Finished() && after.State == Expired {
		allowed.State = Expired
	}
	return allowed.compare(after)
}

// checkHandler returns what a handler must not have changed.
func checkHandler(before, after *Job) error { return before.grant(after, true).compare(after) }

// grant returns a copy of j with what may always be changed as it is in after, and Work if that is granted.
func (j *Job) grant(after *Job, work bool) *Job {
	allowed := *j
	allowed.Labels, allowed.Expires, allowed.Code, allowed.Message = after.Labels, after.Expires, after.Code, after.Message
	if work {
		allowed.Work = after.Work
	}
	return &allowed
}

// compare returns what is wrong with a changed job, given how it may be.
func (j *Job) compare(after *Job) error {
	if err := after.checkContent(); err != nil {
		return err
	}
	want, got := reflect.ValueOf(*j), reflect.ValueOf(*after)
	for i := range want.NumField() {
		if !reflect.DeepEqual(want.Field(i).Interface(), got.Field(i).Interface()) {
			return fmt.Errorf("%w: %s of the job, which is %s, cannot be changed", ErrInvalid, want.Type().Field(i).Name, j.State)
		}
	}
	return nil
}

// labels returns the labels of which the documents that q asks for bear at least one.
func (q *Query) labels() []string {
	var labels []string
	switch {
	case q.Label != "":
		return []string{q.Label}
	case q.User != "" && len(q.States) == 0:
		return []string{userLabel + q.User}
	}
	for _, s := range q.States {
		if q.User != "" {
			labels = append(labels, userStateLabel+string(s)+":"+q.User)
		} else {
			labels = append(labels, stateLabel+string(s))
		}
	}
	return labels
}

func (q *Query) matches(j *Job) bool {
	return (len(q.States) == 0 || slices.Contains(q.States, j.State)) &&
		(q.User == "" || q.User == j.User) && (q.Label == "" || slices.Contains(j.Labels, q.Label))
}
