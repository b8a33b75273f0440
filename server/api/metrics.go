package api

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/digit-health/dhr/access"
)

// metrics count requests by route. A nil one counts nothing.
type metrics struct {
	took *prometheus.HistogramVec
	show http.Handler
}

func newMetrics(to *prometheus.Registry) *metrics {
	if to == nil {
		return nil
	}
	m := &metrics{took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "dhr_http_request_seconds", Help: "How long requests took, by route, method and status.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"route", "method", "status"})}
	to.MustRegister(m.took)
	m.show = promhttp.HandlerFor(to, promhttp.HandlerOpts{})
	return m
}

func (m *metrics) request(route, method string, status int, took time.Duration) {
	if m != nil {
		m.took.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
	}
}

// metricsPage shows the metrics to who may see them.
func (a *handler) metricsPage(w http.ResponseWriter, r *http.Request) {
	q := request(r.Context())
	if !a.opts.OpenMetrics && !q.address.IsLoopback() {
		if p := a.admitted(w, r, q); p != nil {
			p.write(w)
			return
		}
		if !a.mayWatch(q.who) {
			byStatus[http.StatusForbidden].problem(r.Context(), "the metrics are for those who may audit").write(w)
			return
		}
	}
	a.metrics.show.ServeHTTP(w, r)
}

func (a *handler) mayWatch(who *access.Principal) bool {
	if a.opts.Permissions == nil {
		return false
	}
	permissions := a.opts.Permissions(who)
	return slices.Contains(permissions, access.MayAudit) || slices.Contains(permissions, access.MayAdmin)
}
