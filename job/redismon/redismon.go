// Package redismon shows the queues of package redisjob to administrators, as the pages of asynqmon. It
// is apart from redisjob so that workers do not link it.
package redismon

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
)

// A Handler serves the pages. It is safe for concurrent use.
type Handler struct {
	pages *asynqmon.HTTPHandler
}

var _ http.Handler = (*Handler)(nil)

// Open returns a Handler for the Redis at an address, such as "redis://localhost:6379/0", that is to be mounted at
// root, such as "/admin/queues", and closed in the end. Whoever mounts it sees to it that only
// administrators get there. It shows, and changes nothing: jobs are cancelled and paused in Jobs,
// and what asynq does with a task decides nothing.
func Open(address, root string) (*Handler, error) {
	if !strings.HasPrefix(root, "/") {
		return nil, fmt.Errorf("redismon: the root %q does not begin with a slash", root)
	}
	redis, err := asynq.ParseRedisURI(address)
	if err != nil {
		return nil, fmt.Errorf("redismon: the address of Redis cannot be read")
	}
	return &Handler{pages: asynqmon.New(asynqmon.Options{RootPath: root, RedisConnOpt: redis, ReadOnly: true})}, nil
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.pages.ServeHTTP(w, r) }

// Close closes the connection to Redis.
func (h *Handler) Close() error { return h.pages.Close() }
