package redismon

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/hibiken/asynq"
)

// maxPage is how many tasks are listed at once.
const maxPage = 1000

// A refusal is an answer other than 200.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// routes are what the pages ask for.
func (h *Handler) routes() http.Handler {
	m := http.NewServeMux()
	on := func(path string, f func(*http.Request) (any, error)) { m.HandleFunc("GET /api"+path, answer(f)) }
	onQueue := func(path string, f func(*http.Request, string) (any, error)) {
		on("/queues/{queue}"+path, func(r *http.Request) (any, error) {
			name := r.PathValue("queue")
			all, err := h.queue.Queues()
			if err == nil && !slices.Contains(all, name) {
				err = &refusal{http.StatusNotFound, fmt.Sprintf("there is no queue %q", name)}
			}
			if err != nil {
				return nil, err
			}
			return f(r, name)
		})
	}
	on("/queues", h.queues)
	on("/queue_stats", h.queueStats)
	on("/servers", h.servers)
	on("/scheduler_entries", h.entries)
	on("/scheduler_entries/{entry}/enqueue_events", h.enqueued)
	on("/redis_info", func(r *http.Request) (any, error) { return h.redisInfo(r.Context()) })
	onQueue("", h.oneQueue)
	onQueue("/groups", h.groups)
	onQueue("/tasks/{task}", h.task)
	onQueue("/active_tasks", h.active)
	onQueue("/groups/{group}/aggregating_tasks", h.aggregating)
	for path, l := range map[string]struct {
		list func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error)
		show func(*asynq.TaskInfo) any
	}{
		"/pending_tasks":   {h.queue.ListPendingTasks, pendingOf},
		"/scheduled_tasks": {h.queue.ListScheduledTasks, laterOf},
		"/retry_tasks":     {h.queue.ListRetryTasks, laterOf},
		"/archived_tasks":  {h.queue.ListArchivedTasks, archivedOf},
		"/completed_tasks": {h.queue.ListCompletedTasks, completedOf},
	} {
		onQueue(path, func(r *http.Request, queue string) (any, error) {
			return h.tasks(r, queue, func(page ...asynq.ListOption) ([]*asynq.TaskInfo, error) { return l.list(queue, page...) }, l.show)
		})
	}
	return m
}

// answer writes what f returns.
func answer(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		got, err := f(r)
		var body []byte
		if err == nil {
			body, err = json.Marshal(got)
		}
		var refused *refusal
		switch {
		case err == nil:
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body) // who asked is gone
		case errors.As(err, &refused):
			http.Error(w, refused.text, refused.status)
		case errors.Is(err, asynq.ErrQueueNotFound), errors.Is(err, asynq.ErrTaskNotFound):
			http.Error(w, err.Error(), http.StatusNotFound)
		default:
			http.Error(w, "Redis cannot be asked: "+err.Error(), http.StatusBadGateway)
		}
	}
}

// page returns which part of a list is asked for.
func page(r *http.Request) ([]asynq.ListOption, error) {
	size, err := number(r, "size", 20, maxPage)
	if err != nil {
		return nil, err
	}
	nth, err := number(r, "page", 1, 1_000_000)
	return []asynq.ListOption{asynq.PageSize(size), asynq.Page(nth)}, err
}

// number returns a parameter, from 1 to most, or what it is if it is not there.
func number(r *http.Request, name string, otherwise, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, &refusal{http.StatusBadRequest, fmt.Sprintf("%s: found %q; expected a number from 1 to %d", name, text, most)}
	}
	return n, nil
}

func (h *Handler) queues(*http.Request) (any, error) {
	names, err := h.queue.Queues()
	if err != nil {
		return nil, err
	}
	states := make([]queueState, 0, len(names))
	for _, name := range names {
		q, err := h.queue.GetQueueInfo(name)
		if err != nil {
			return nil, err
		}
		states = append(states, stateOf(q))
	}
	return map[string]any{"queues": states}, nil
}

func (h *Handler) oneQueue(_ *http.Request, name string) (any, error) {
	q, err := h.queue.GetQueueInfo(name)
	if err != nil {
		return nil, err
	}
	const days = 10
	history, err := h.queue.History(name, days)
	return map[string]any{"current": stateOf(q), "history": each(history, dayOf)}, err
}

func (h *Handler) queueStats(*http.Request) (any, error) {
	names, err := h.queue.Queues()
	if err != nil {
		return nil, err
	}
	const days = 90
	stats := map[string][]day{}
	for _, name := range names {
		history, err := h.queue.History(name, days)
		if err != nil {
			return nil, err
		}
		stats[name] = each(history, dayOf)
	}
	return map[string]any{"stats": stats}, nil
}

func (h *Handler) servers(*http.Request) (any, error) {
	all, err := h.queue.Servers()
	return map[string]any{"servers": each(all, serverOf)}, err
}

func (h *Handler) entries(*http.Request) (any, error) {
	all, err := h.queue.SchedulerEntries()
	return map[string]any{"entries": each(all, entryOf)}, err
}

func (h *Handler) enqueued(r *http.Request) (any, error) {
	part, err := page(r)
	if err != nil {
		return nil, err
	}
	all, err := h.queue.ListSchedulerEnqueueEvents(r.PathValue("entry"), part...)
	return map[string]any{"events": each(all, enqueuedOf)}, err
}

func (h *Handler) groups(_ *http.Request, queue string) (any, error) {
	all, err := h.queue.Groups(queue)
	if err != nil {
		return nil, err
	}
	q, err := h.queue.GetQueueInfo(queue)
	if err != nil {
		return nil, err
	}
	return map[string]any{"stats": stateOf(q), "groups": each(all, groupOf)}, nil
}

func (h *Handler) task(r *http.Request, queue string) (any, error) {
	t, err := h.queue.GetTaskInfo(queue, r.PathValue("task"))
	if err != nil {
		return nil, err
	}
	return taskOf(t), nil
}

// tasks returns a page of tasks and the state of their queue.
func (h *Handler) tasks(r *http.Request, queue string, list func(...asynq.ListOption) ([]*asynq.TaskInfo, error), show func(*asynq.TaskInfo) any) (map[string]any, error) {
	part, err := page(r)
	if err != nil {
		return nil, err
	}
	all, err := list(part...)
	if err != nil {
		return nil, err
	}
	q, err := h.queue.GetQueueInfo(queue)
	if err != nil {
		return nil, err
	}
	return map[string]any{"tasks": each(all, show), "stats": stateOf(q)}, nil
}

func (h *Handler) active(r *http.Request, queue string) (any, error) {
	servers, err := h.queue.Servers()
	if err != nil {
		return nil, err
	}
	at := map[string]*asynq.WorkerInfo{}
	for _, s := range servers {
		for _, w := range s.ActiveWorkers {
			if w.Queue == queue {
				at[w.TaskID] = w
			}
		}
	}
	list := func(part ...asynq.ListOption) ([]*asynq.TaskInfo, error) {
		return h.queue.ListActiveTasks(queue, part...)
	}
	return h.tasks(r, queue, list, func(t *asynq.TaskInfo) any { return activeOf(t, at[t.ID]) })
}

func (h *Handler) aggregating(r *http.Request, queue string) (any, error) {
	group := r.PathValue("group")
	got, err := h.tasks(r, queue, func(part ...asynq.ListOption) ([]*asynq.TaskInfo, error) {
		return h.queue.ListAggregatingTasks(queue, group, part...)
	}, groupedOf)
	if err != nil {
		return nil, err
	}
	all, err := h.queue.Groups(queue)
	if err != nil {
		return nil, err
	}
	got["groups"] = each(all, groupOf)
	return got, nil
}
