package command

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// measure has the registry tell of the process: which build it is, and its memory and goroutines.
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
}
