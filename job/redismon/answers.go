package redismon

import (
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hibiken/asynq"
)

// The types of this file are what the pages read.

type queueState struct {
	Queue          string    `json:"queue"`
	MemoryUsage    int64     `json:"memory_usage_bytes"`
	Size           int       `json:"size"`
	Groups         int       `json:"groups"`
	Latency        int64     `json:"latency_msec"`
	DisplayLatency string    `json:"display_latency"`
	Active         int       `json:"active"`
	Pending        int       `json:"pending"`
	Aggregating    int       `json:"aggregating"`
	Scheduled      int       `json:"scheduled"`
	Retry          int       `json:"retry"`
	Archived       int       `json:"archived"`
	Completed      int       `json:"completed"`
	Processed      int       `json:"processed"`
	Succeeded      int       `json:"succeeded"`
	Failed         int       `json:"failed"`
	Paused         bool      `json:"paused"`
	Timestamp      time.Time `json:"timestamp"`
}

func stateOf(q *asynq.QueueInfo) queueState {
	return queueState{
		Queue: q.Queue, MemoryUsage: q.MemoryUsage, Size: q.Size, Groups: q.Groups,
		Latency: q.Latency.Milliseconds(), DisplayLatency: q.Latency.Round(10 * time.Millisecond).String(),
		Active: q.Active, Pending: q.Pending, Aggregating: q.Aggregating, Scheduled: q.Scheduled, Retry: q.Retry, Archived: q.Archived,
		Completed: q.Completed, Processed: q.Processed, Succeeded: q.Processed - q.Failed, Failed: q.Failed, Paused: q.Paused, Timestamp: q.Timestamp,
	}
}

type day struct {
	Queue     string `json:"queue"`
	Processed int    `json:"processed"`
	Succeeded int    `json:"succeeded"`
	Failed    int    `json:"failed"`
	Date      string `json:"date"`
}

func dayOf(s *asynq.DailyStats) day {
	return day{s.Queue, s.Processed, s.Processed - s.Failed, s.Failed, s.Date.Format(time.DateOnly)}
}

// A base is what is shown of every task.
type base struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Payload   string `json:"payload"`
	Queue     string `json:"queue"`
	MaxRetry  int    `json:"max_retry"`
	Retried   int    `json:"retried"`
	LastError string `json:"error_message"`
}

func baseOf(t *asynq.TaskInfo) base {
	return base{t.ID, t.Type, printed(t.Payload), t.Queue, t.MaxRetry, t.Retried, t.LastErr}
}

type active struct {
	base
	Started  string `json:"start_time"`
	Deadline string `json:"deadline"`
	Orphaned bool   `json:"is_orphaned"`
}

// activeOf shows a task at which a worker is, if it has said so yet.
func activeOf(t *asynq.TaskInfo, at *asynq.WorkerInfo) active {
	if at == nil {
		return active{baseOf(t), "-", "-", t.IsOrphaned}
	}
	return active{baseOf(t), at.Started.Format(time.RFC3339), at.Deadline.Format(time.RFC3339), t.IsOrphaned}
}

type grouped struct {
	base
	Group string `json:"group"`
}

type later struct {
	base
	Next time.Time `json:"next_process_at"`
}

type archived struct {
	base
	Failed time.Time `json:"last_failed_at"`
}

type completed struct {
	base
	Completed time.Time `json:"completed_at"`
	Result    string    `json:"result"`
	TTL       int64     `json:"ttl_seconds"`
}

func pendingOf(t *asynq.TaskInfo) any  { return baseOf(t) }
func groupedOf(t *asynq.TaskInfo) any  { return grouped{baseOf(t), t.Group} }
func laterOf(t *asynq.TaskInfo) any    { return later{baseOf(t), t.NextProcessAt} }
func archivedOf(t *asynq.TaskInfo) any { return archived{baseOf(t), t.LastFailedAt} }
func completedOf(t *asynq.TaskInfo) any {
	return completed{baseOf(t), t.CompletedAt, printed(t.Result), secondsLeft(t)}
}

// A task is all that is shown of one.
type task struct {
	base
	State     string `json:"state"`
	Failed    string `json:"last_failed_at"`
	Timeout   int    `json:"timeout_seconds"`
	Deadline  string `json:"deadline"`
	Next      string `json:"next_process_at"`
	Completed string `json:"completed_at"`
	Result    string `json:"result"`
	TTL       int64  `json:"ttl_seconds"`
}

func taskOf(t *asynq.TaskInfo) task {
	return task{
		baseOf(t), t.State.String(), moment(t.LastFailedAt), int(t.Timeout.Seconds()), moment(t.Deadline), moment(t.NextProcessAt),
		moment(t.CompletedAt), printed(t.Result), secondsLeft(t),
	}
}

// secondsLeft is for how long a completed task is kept.
func secondsLeft(t *asynq.TaskInfo) int64 {
	if t.State != asynq.TaskStateCompleted {
		return 0
	}
	return int64(time.Until(t.CompletedAt.Add(t.Retention)).Seconds())
}

type group struct {
	Group string `json:"group"`
	Size  int    `json:"size"`
}

func groupOf(g *asynq.GroupInfo) group { return group{g.Group, g.Size} }

type server struct {
	ID             string         `json:"id"`
	Host           string         `json:"host"`
	PID            int            `json:"pid"`
	Concurrency    int            `json:"concurrency"`
	Queues         map[string]int `json:"queue_priorities"`
	StrictPriority bool           `json:"strict_priority_enabled"`
	Started        string         `json:"start_time"`
	Status         string         `json:"status"`
	Workers        []worker       `json:"active_workers"`
}

type worker struct {
	Task    string `json:"task_id"`
	Queue   string `json:"queue"`
	Type    string `json:"task_type"`
	Payload string `json:"task_payload"`
	Started string `json:"start_time"`
}

func serverOf(s *asynq.ServerInfo) server {
	return server{
		s.ID, s.Host, s.PID, s.Concurrency, s.Queues, s.StrictPriority, s.Started.Format(time.RFC3339), s.Status,
		each(s.ActiveWorkers, func(w *asynq.WorkerInfo) worker {
			return worker{w.TaskID, w.Queue, w.TaskType, printed(w.TaskPayload), w.Started.Format(time.RFC3339)}
		}),
	}
}

type entry struct {
	ID       string   `json:"id"`
	Spec     string   `json:"spec"`
	Type     string   `json:"task_type"`
	Payload  string   `json:"task_payload"`
	Options  []string `json:"options"`
	Next     string   `json:"next_enqueue_at"`
	Previous string   `json:"prev_enqueue_at,omitempty"`
}

func entryOf(e *asynq.SchedulerEntry) entry {
	return entry{
		e.ID, e.Spec, e.Task.Type(), printed(e.Task.Payload()), each(e.Opts, asynq.Option.String), e.Next.Format(time.RFC3339), moment(e.Prev),
	}
}

type enqueued struct {
	Task string `json:"task_id"`
	At   string `json:"enqueued_at"`
}

func enqueuedOf(e *asynq.SchedulerEnqueueEvent) enqueued {
	return enqueued{e.TaskID, e.EnqueuedAt.Format(time.RFC3339)}
}

type redisInfo struct {
	Address string            `json:"address"`
	Info    map[string]string `json:"info"`
	RawInfo string            `json:"raw_info"`
	// Of clusters alone; an address names one Redis.
	Cluster         bool     `json:"cluster"`
	RawClusterNodes string   `json:"raw_cluster_nodes"`
	QueueLocations  []string `json:"queue_locations"`
}

// each returns what f says of each, never nil: the pages read a list.
func each[T, R any](all []T, f func(T) R) []R {
	got := make([]R, len(all))
	for i, one := range all {
		got[i] = f(one)
	}
	return got
}

// moment returns a time as text, empty if there is none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// printed returns data as text, if a person can read it.
func printed(data []byte) string {
	space := true
	for _, r := range string(data) {
		if !unicode.IsPrint(r) {
			return unprintable
		}
		space = space && unicode.IsSpace(r)
	}
	if space || !utf8.Valid(data) {
		return unprintable
	}
	return string(data)
}

const unprintable = "non-printable bytes"
