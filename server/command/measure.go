package command

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/digit-health/dhr/audit"
)

// pooled is an engine or a store with connections of which there are some in use, some idle, and not more than most,
// or none more kept.
type pooled interface {
	Connections() (used, idle, most int)
}

// measure has the registry tell of the process: which build it is, its memory and goroutines, and the
// connections of its engine and its store.
func (p *Program) measure(o *parts, to *prometheus.Registry) {
	to.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "dhr_build_info", Help: "Always 1; the labels say which build of DHR it is, and with which engine.",
	}, []string{"version", "go_version", "engine"})
	to.MustRegister(build)
	engine := o.kind
	if o.engine == nil {
		engine = "none"
	}
	build.WithLabelValues(p.Version, runtime.Version(), engine).Set(1)
	if d, ok := o.engine.(pooled); ok {
		to.MustRegister(&pool{"engine", d})
	}
	if d, ok := o.documents.(pooled); ok {
		to.MustRegister(&pool{"store", d})
	}
}

// measureTrail has the registry tell how many entries wait for the audit.
func measureTrail(trail *audit.Log, to *prometheus.Registry) {
	if trail != nil {
		to.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "dhr_audit_entries_waiting", Help: "Entries of the audit that wait to be stored.",
		}, func() float64 { return float64(trail.Waiting()) }))
	}
}

// pool tells of connections at the moment when it is asked.
type pool struct {
	of string
	d  pooled
}

var (
	connections = prometheus.NewDesc("dhr_connections", "Connections to the database of the engine or the store, by state: used or idle.", []string{"of", "state"}, nil)
	most        = prometheus.NewDesc("dhr_connections_max", "How many connections there may be; of an embedded engine, how many are kept.", []string{"of"}, nil)
)

// Describe implements [prometheus.Collector]. Pools are told apart when they are collected.
func (*pool) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (p *pool) Collect(to chan<- prometheus.Metric) {
	used, idle, limit := p.d.Connections()
	to <- prometheus.MustNewConstMetric(connections, prometheus.GaugeValue, float64(used), p.of, "used")
	to <- prometheus.MustNewConstMetric(connections, prometheus.GaugeValue, float64(idle), p.of, "idle")
	to <- prometheus.MustNewConstMetric(most, prometheus.GaugeValue, float64(limit), p.of)
}
