package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/digit-health/dhr/internal/nearest"
)

// A key is one that a section may have: a field of its struct.
type key struct {
	name     string // in snake_case
	index    int
	kind     reflect.Type
	oneof    []string // what a text may be
	min, max string   // as in the tags
}

func keysOf(t reflect.Type) []key {
	var keys []key
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		k := key{name: snake(f.Name), index: i, kind: f.Type, min: f.Tag.Get("min"), max: f.Tag.Get("max")}
		if list := f.Tag.Get("oneof"); list != "" {
			k.oneof = strings.Split(list, ",")
		}
		keys = append(keys, k)
	}
	return keys
}

func isSection(t reflect.Type) bool { return t.Kind() == reflect.Struct && t != secretType }

// snake writes KeyFiles as key_files, JWKSURL as jwks_url, and SHA256 as sha256.
func snake(name string) string {
	name = strings.NewReplacer("JWKSURL", "JwksUrl", "JWKS", "Jwks", "FHIR", "Fhir", "JQL", "Jql", "TTL", "Ttl", "SHA256", "Sha256", "APIKey", "ApiKey", "TLS", "Tls", "CORS", "Cors", "JWT", "Jwt", "OIDC", "Oidc", "URL", "Url", "HTTP", "Http", "CA", "Ca", "ID", "Id", "IPFS", "Ipfs").Replace(name)
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func lookup(keys []key, name string) (key, bool) {
	for _, k := range keys {
		if k.name == name {
			return k, true
		}
	}
	return key{}, false
}

// within says why a number is out of the bounds of its key.
func (k key) within(n float64, t reflect.Type) string {
	bound := func(text string) float64 {
		switch t {
		case durationType:
			d, _ := time.ParseDuration(text)
			return float64(d)
		case sizeType:
			s, _ := parseSize(text)
			return float64(s)
		}
		f, _ := strconv.ParseFloat(text, 64)
		return f
	}
	if k.min != "" && n < bound(k.min) {
		return "is less than " + k.min
	}
	if k.max != "" && n > bound(k.max) {
		return "is greater than " + k.max
	}
	return ""
}

// allowed says why a text is none of those that its key takes. An empty one is the default.
func allowed(k key, text string) string {
	if k.oneof == nil || text == "" {
		return ""
	}
	for _, one := range k.oneof {
		if one == text {
			return ""
		}
	}
	message := fmt.Sprintf("found %q; expected one of %s", text, strings.Join(k.oneof, ", "))
	if near := nearestName(text, k.oneof); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	return message
}

// suggestion names the known key that was meant: one of the section that is written
// nearly so, or one of that name elsewhere.
func suggestion(keys []key, path, name string) string {
	var names []string
	for _, k := range keys {
		names = append(names, k.name)
		if k.kind == secretType {
			names = append(names, k.name+"_file")
		}
	}
	if near := nearestName(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if full := elsewhere(reflect.TypeFor[Config](), "", name); full != "" {
		return fmt.Sprintf("; did you mean %q?", full)
	}
	where := "at the top"
	if path != "" {
		where = "here"
	}
	return fmt.Sprintf("; %s there are %s", where, strings.Join(names, ", "))
}

// elsewhere returns the path of the first key with that name.
func elsewhere(t reflect.Type, path, name string) string {
	for _, k := range keysOf(t) {
		full := join(path, k.name)
		if k.name == name {
			return full
		}
		if isSection(k.kind) {
			if deeper := elsewhere(k.kind, full, name); deeper != "" {
				return deeper
			}
		}
	}
	return ""
}

// nearestName returns the name that differs least, if that is little.
func nearestName(name string, names []string) string {
	return nearest.Of(strings.ReplaceAll(name, "-", "_"), max(1, len(name)/3), names)
}
