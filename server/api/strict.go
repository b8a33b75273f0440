package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// strictly refuses what huma would take for something else: a parameter that is there twice, of which it takes one,
// and one that is empty, or a member that is null, which it takes for one that is not there.
func (a *handler) strictly(hc huma.Context, next func(huma.Context)) {
	at := hc.URL()
	values, err := url.ParseQuery(at.RawQuery)
	if err != nil {
		a.refuse(hc, "the parameters are not well formed", "query", err.Error())
		return
	}
	for _, p := range hc.Operation().Parameters {
		sent := values[p.Name]
		if p.In != "query" || len(sent) == 0 {
			continue
		}
		switch s := p.Schema; {
		case s.Type == huma.TypeArray:
		case len(sent) > 1:
			a.refuse(hc, "a parameter is there twice", "query."+p.Name, fmt.Sprintf("there are %d, one is allowed", len(sent)))
			return
		case sent[0] == "" && (s.Type != huma.TypeString || s.Format != "" || s.MinLength != nil || len(s.Enum) > 0):
			a.refuse(hc, "a parameter is empty", "query."+p.Name, "must have a value, or be left out")
			return
		}
	}
	if where, ok := a.null(hc); ok {
		a.refuse(hc, "a member is null", where, "must have a value, or be left out")
		return
	}
	next(hc)
}

// null returns where in the body is a null that may not be there.
func (a *handler) null(hc huma.Context) (string, bool) {
	body := request(hc.Context()).body
	of := hc.Operation().RequestBody
	if of == nil || !bytes.Contains(body, []byte("null")) {
		return "", false
	}
	for _, media := range of.Content {
		var value any
		if json.Unmarshal(body, &value) != nil || value == nil {
			return "", false // huma says what is wrong with it
		}
		if where, ok := a.nullIn(media.Schema, value, "body"); ok {
			return where, true
		}
	}
	return "", false
}

func (a *handler) nullIn(s *huma.Schema, value any, at string) (string, bool) {
	for s != nil && s.Ref != "" {
		s = a.api.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
	}
	if s == nil {
		return "", false
	}
	switch value := value.(type) {
	case nil:
		return at, !s.Nullable
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if member := s.Properties[name]; member != nil {
				if where, ok := a.nullIn(member, value[name], at+"."+name); ok {
					return where, true
				}
			}
		}
	case []any:
		for i, element := range value {
			if where, ok := a.nullIn(s.Items, element, fmt.Sprintf("%s[%d]", at, i)); ok {
				return where, true
			}
		}
	}
	return "", false
}

func (a *handler) refuse(hc huma.Context, detail, location, message string) {
	_ = huma.WriteErr(a.api, hc, http.StatusUnprocessableEntity, detail, &huma.ErrorDetail{Message: message, Location: location})
}

// needed marks a parameter that a handler itself asks for, with a status of its own, as required in the document.
func needed(op *huma.Operation, name string) {
	for _, p := range op.Parameters {
		if p.Name == name {
			least := 1
			p.Required, p.Schema.MinLength = true, &least
		}
	}
}

// maxDepth is how deep a body may nest.
const maxDepth = 1000

var (
	errTwice     = errors.New("a member is there twice")
	errSurrogate = errors.New("half of a surrogate pair stands alone, which is no character")
	errDepth     = fmt.Errorf("it is nested more than %d deep", maxDepth)
)

// wellFormed returns why a body is not JSON of which every part can be understood in one way alone. Package
// encoding/json would let these pass: of a member that is there twice it takes the last, and half of a surrogate
// pair it replaces.
func wellFormed(body []byte) error {
	if loneSurrogate(body) {
		return errSurrogate
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var open []*object
	for {
		token, err := dec.Token()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return nil // who decodes it says what is wrong with it, with the place
		}
		switch token {
		case json.Delim('{'):
			open = append(open, &object{names: map[string]bool{}, named: true})
		case json.Delim('['):
			open = append(open, &object{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
			ended(open)
		default:
			if err := member(open, token); err != nil {
				return err
			}
		}
		if len(open) > maxDepth {
			return errDepth
		}
	}
}

// An object is one of JSON, or a list, that has begun.
type object struct {
	names map[string]bool // of its members so far; nil for a list
	named bool            // a name comes next
}

// ended notes that a value has come to its end in what is around it.
func ended(open []*object) {
	if len(open) > 0 && open[len(open)-1].names != nil {
		open[len(open)-1].named = true
	}
}

// member notes a token that is a name, or a value of no parts.
func member(open []*object, token json.Token) error {
	if len(open) == 0 || open[len(open)-1].names == nil {
		return nil
	}
	o := open[len(open)-1]
	if !o.named {
		o.named = true
		return nil
	}
	name, _ := token.(string)
	if o.names[name] {
		return fmt.Errorf("%w: %q", errTwice, name)
	}
	o.names[name], o.named = true, false
	return nil
}

// loneSurrogate reports whether an escape in JSON is half of a surrogate pair without the other.
func loneSurrogate(body []byte) bool {
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		first, ok := escaped(body[i:])
		switch {
		case !ok:
			i++ // what is escaped is one character, also \
		case first >= 0xdc00 && first < 0xe000:
			return true
		case first >= 0xd800 && first < 0xdc00:
			second, ok := escaped(body[i+6:])
			if !ok || second < 0xdc00 || second >= 0xe000 {
				return true
			}
			i += 11
		default:
			i += 5
		}
	}
	return false
}

// escaped returns the number in an escape such as \u00e9 at the beginning of text.
func escaped(text []byte) (uint32, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	var n uint32
	for _, c := range text[2:6] {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | uint32(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | uint32(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}
