package command

import (
	"flag"
	"fmt"
	"net"
	"strconv"

	"github.com/digit-health/dhr/server/config"
)

// settings are the flags that all commands have.
type settings struct {
	config, data, es, postgres string
}

func (s *settings) register(flags *flag.FlagSet) {
	flags.StringVar(&s.config, "config", "", "read this `file`, application.yml, over the defaults")
	flags.StringVar(&s.data, "data", "", "keep everything that is written under this `directory` (default ./dhr-data)")
	flags.StringVar(&s.es, "es", "", "records are in the Elasticsearch or OpenSearch at this `URL`")
	flags.StringVar(&s.postgres, "postgres", "", "records are in the PostgreSQL database at this `URL`")
}

// load reads the configuration, and puts the flags over it; address, if not empty, is where to listen.
func (s *settings) load(env func(string) string, address string) (*config.Config, error) {
	if env == nil {
		env = func(string) string { return "" }
	}
	over := map[string]string{}
	if s.data != "" {
		over["DHR_DATA"] = s.data
	}
	switch {
	case s.es != "" && s.postgres != "":
		return nil, &errUsage{"-es and -postgres do not go together: there is one engine"}
	case s.es != "":
		over["DHR_ENGINE_KIND"], over["DHR_ELASTICSEARCH_HOSTS"] = "elasticsearch", s.es
	case s.postgres != "":
		over["DHR_ENGINE_KIND"], over["DHR_POSTGRES_URL"] = "postgres", s.postgres
	}
	if address != "" {
		host, port, err := net.SplitHostPort(address)
		if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 0 || n > 65535 {
			return nil, &errUsage{fmt.Sprintf("-addr %q is no address such as 127.0.0.1:3000", address)}
		}
		if host == "" {
			host = "0.0.0.0"
		}
		over["DHR_SERVER_ADDRESS"], over["SERVER_PORT"] = host, port
	}
	var files []string
	if s.config != "" {
		files = []string{s.config}
	}
	c, err := config.Load(files, func(name string) string {
		if text, ok := over[name]; ok {
			return text
		}
		return env(name)
	})
	if err != nil {
		return nil, &errUsage{err.Error()}
	}
	return c, nil
}
