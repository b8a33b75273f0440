package process

import "time"

// An Offer says what can be asked for.
type Offer struct {
	// Formats and Storages are the names that a request may have; the first of Storages is what is used without one.
	Formats, Storages []string
	Limits            Limits
	// Retention is how long files are kept.
	Retention time.Duration
}

// Offer returns what can be asked for here.
func (s *Service) Offer() *Offer {
	o := &Offer{Storages: []string{s.config.Scheme}, Limits: s.config.Limits, Retention: s.config.Retention}
	for _, f := range s.config.Formats {
		o.Formats = append(o.Formats, f.Name)
	}
	for _, scheme := range s.config.Files.Schemes() {
		if scheme != s.config.Scheme {
			o.Storages = append(o.Storages, scheme)
		}
	}
	return o
}
