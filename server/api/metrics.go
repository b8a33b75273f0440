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

// metrics count requests by route, and tell how many run and how many wait. A nil one counts nothing.
type metrics struct {
	took             *prometheus.HistogramVec
	running, waiting prometheus.Gauge
	show             http.Handler
}

func newMetrics(to *prometheus.Registry) *metrics {
	if to == nil {
		return nil
	}
	m := &metrics{took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "dhr_http_request_seconds", Help: "How long requests took, by route, method and status.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"route", "method", "status"})}
	m.running = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "dhr_http_requests_running", Help: "Requests that are being answered, without those that wait.",
	})
	m.waiting = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "dhr_http_requests_waiting", Help: "Requests that wait for their turn, because as many run as limits.concurrent allows.",
	})
	to.MustRegister(m.took, m.running, m.waiting)
	m.show = promhttp.HandlerFor(to, promhttp.HandlerOpts{})
	return m
}

func (m *metrics) request(route, method string, status int, took time.Duration) {
	if m != nil {
		m.took.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
	}
}

// runs counts a request that is being answered, until the function is called.
func (m *metrics) runs() (ended func()) {
	if m == nil {
		return func() {}
	}
	m.running.Inc()
	return m.running.Dec
}

// waits counts a request that waits, until the function is called.
func (m *metrics) waits() (ended func()) {
	if m == nil {
		return func() {}
	}
	m.waiting.Inc()
	return m.waiting.Dec
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
