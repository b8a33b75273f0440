// Package redismon shows the queues of package redisjob to administrators, as the pages of asynqmon. It
// is apart from redisjob so that workers do not link it.
//
// # Not linked
//
// The pages are those of github.com/hibiken/asynqmon as they are, in pages.zip; what they ask for is answered here. asynqmon itself is
// not linked: its package embeds 5 MB of source maps beside the pages, and fills its index in with html/template, with which the
// linker keeps every exported method of every package of a program. A test compares pages and answers
// with those of the version of asynqmon in go.mod, and writes the pages anew with -update.
package redismon

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// A Handler serves the pages. It is safe for concurrent use.
type Handler struct {
	root  string // without a slash at its end
	redis redis.UniversalClient
	queue *asynq.Inspector
	index []byte
	api   http.Handler
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
	parsed, err := asynq.ParseRedisURI(address)
	if err != nil {
		return nil, fmt.Errorf("redismon: the address of Redis cannot be read")
	}
	h := &Handler{root: strings.TrimSuffix(root, "/")}
	if h.index, err = index(h.root); err != nil {
		return nil, fmt.Errorf("redismon: %w", err)
	}
	client, ok := parsed.MakeRedisClient().(redis.UniversalClient)
	if !ok {
		return nil, fmt.Errorf("redismon: the address is of a Redis of a kind that is not known")
	}
	h.redis, h.queue = client, asynq.NewInspectorFromRedisClient(client)
	h.api = http.StripPrefix(h.root, h.routes())
	return h, nil
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, below := strings.CutPrefix(r.URL.Path, h.root)
	switch {
	case !below || rest != "" && path.Clean(rest) != strings.TrimSuffix(rest, "/") && rest != "/":
		http.NotFound(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the queues are shown, and not changed here", http.StatusMethodNotAllowed)
	case strings.HasPrefix(rest, "/api/"):
		h.api.ServeHTTP(w, r)
	default:
		h.page(w, r, strings.TrimPrefix(rest, "/"))
	}
}

// Close closes the connection to Redis.
func (h *Handler) Close() error { return h.redis.Close() }

// redisInfo is what Redis says about itself.
func (h *Handler) redisInfo(ctx context.Context) (any, error) {
	text, err := h.redis.Info(ctx).Result()
	if err != nil {
		return nil, err
	}
	said := map[string]string{}
	for line := range strings.SplitSeq(text, "\r\n") {
		if pair := strings.Split(line, ":"); len(pair) == 2 {
			said[pair[0]] = pair[1]
		}
	}
	got := redisInfo{Info: said, RawInfo: text}
	if one, ok := h.redis.(*redis.Client); ok {
		got.Address = one.Options().Addr
	}
	return got, nil
}
