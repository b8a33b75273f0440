package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// listParameters are those that may stand several times in a URL.
var listParameters = map[string]bool{"fields": true, "allowed_indexes": true, "index": true, "status": true}

// checkParameters returns the problem of a URL whose parameters cannot be read, of which one stands there twice, or in whose
// lists one is empty, for then huma takes the list for absent: nothing of them may be lost, for a question without its condition is another question.
func (a *handler) checkParameters(r *http.Request) *Problem {
	seen := map[string]bool{}
	repeats := request(r.Context()).fhir // FHIR's own may be repeated, and are looked at by who answers
	for part := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		_, bad := url.QueryUnescape(value)
		switch {
		case err != nil || bad != nil:
			return byStatus[http.StatusBadRequest].problem(r.Context(), "the parameters of the URL are not in percent-encoding")
		case repeats:
		case name != "" && seen[name] && !listParameters[name]:
			return formProblem(r.Context(), http.StatusUnprocessableEntity, "a parameter stands twice in the URL",
				[]error{&huma.ErrorDetail{Message: "there may be one", Location: "query." + name}})
		case listParameters[name] && value == "":
			return formProblem(r.Context(), http.StatusUnprocessableEntity, "a name is missing in the URL",
				[]error{&huma.ErrorDetail{Message: "a name must not be empty", Location: "query." + name}})
		}
		seen[name] = true
	}
	return nil
}

// mostNested is how deep JSON may be nested, as package json has it.
const mostNested = 10_000

// unambiguous returns an error if an object of a JSON text has two members of one name, of which one would be lost, or a string
// has half a surrogate pair, which would become another character. Text that is no JSON is for others to complain of.
func unambiguous(text []byte) error {
	if i := halfPair(text); i >= 0 {
		return fmt.Errorf("half a surrogate pair at byte %d", i)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var open []map[string]bool // nil for a list
	key := false
	for {
		token, err := d.Token()
		if err != nil || len(open) > mostNested {
			return nil //nolint:nilerr // see above
		}
		object := len(open) > 0 && open[len(open)-1] != nil
		name, text := token.(string)
		switch {
		case token == json.Delim('{'):
			open, key = append(open, map[string]bool{}), true
			continue
		case token == json.Delim('['):
			open, key = append(open, nil), false
			continue
		case token == json.Delim('}'), token == json.Delim(']'):
			open = open[:len(open)-1]
		case text && object && key:
			if open[len(open)-1][name] {
				return fmt.Errorf("the member %q stands there twice", name)
			}
			open[len(open)-1][name], key = true, false
			continue
		}
		key = len(open) > 0 && open[len(open)-1] != nil
	}
}

// halfPair returns where a \u escape of half a surrogate pair begins, or -1.
func halfPair(text []byte) int {
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		one, ok := escape(text[i:])
		switch {
		case !ok:
			i++ // the next one is escaped
		case one >= 0xDC00 && one < 0xE000:
			return i
		case one >= 0xD800 && one < 0xDC00:
			if other, ok := escape(text[min(i+6, len(text)):]); !ok || other < 0xDC00 || other >= 0xE000 {
				return i
			}
			i += 11
		}
	}
	return -1
}

// escape reads the \u escape that a text begins with.
func escape(text []byte) (unit uint64, ok bool) {
	if len(text) < 6 || text[1] != 'u' || text[0] != '\\' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return unit, err == nil
}
