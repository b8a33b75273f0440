package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// absent refuses what huma takes for something that is not there: a parameter that is empty though it is no text,
// and a member that is null though it may not be.
func (a *handler) absent(hc huma.Context, next func(huma.Context)) {
	at := hc.URL()
	values := at.Query()
	for _, p := range hc.Operation().Parameters {
		sent := values[p.Name]
		if p.In != "query" || len(sent) == 0 {
			continue
		}
		s := p.Schema
		if s.Type != huma.TypeArray && sent[0] == "" && (s.Type != huma.TypeString || s.Format != "" || s.MinLength != nil || len(s.Enum) > 0) {
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
