package api

import (
	"encoding/json"
	"html"
	"net/http"
	"strings"

	"github.com/digit-health/dhr/fhir/bulk"
)

// groupOf is a Group, without its members.
func groupOf(g *bulk.GroupInfo) j {
	group := j{"resourceType": "Group", "id": g.ID, "type": "person", "actual": true}
	if g.Name != "" {
		group["name"] = g.Name
	}
	if g.Description != "" {
		group["text"] = j{"status": "additional", "div": `<div xmlns="http://www.w3.org/1999/xhtml">` + html.EscapeString(g.Description) + "</div>"}
	}
	if g.Quantity >= 0 {
		group["quantity"] = g.Quantity
	}
	return group
}

// fhirGroups finds the groups that the asker may export, without their members.
func (a *handler) fhirGroups(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if p := acceptsJSON(ctx, r); p != nil {
		p.write(w)
		return
	}
	for name := range r.URL.Query() {
		if !strings.HasPrefix(name, "_format") && name != "_pretty" {
			a.fhirRefuse(w, r, invalidParameter(shortened(name), "groups are not searched; without a parameter all are listed"))
			return
		}
	}
	all, err := a.exporter().Groups(ctx, whoOf(ctx))
	if err != nil {
		a.fhirRefuse(w, r, err)
		return
	}
	base := a.fhirURL(r)
	bundle := j{"resourceType": "Bundle", "type": "searchset", "total": len(all), "link": []j{{"relation": "self", "url": base + "/Group"}}}
	var entries []j
	for i := range all {
		entries = append(entries, j{"fullUrl": base + "/Group/" + all[i].ID, "resource": groupOf(&all[i]), "search": j{"mode": "match"}})
	}
	if len(entries) > 0 {
		bundle["entry"] = entries
	}
	writeResource(w, http.StatusOK, bundle)
}

// fhirGroup is a group with its members, which are written as they come: there may be many.
func (a *handler) fhirGroup(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if p := acceptsJSON(ctx, r); p != nil {
		p.write(w)
		return
	}
	if err := coversMembers(whoOf(ctx)); err != nil {
		a.fhirRefuse(w, r, err)
		return
	}
	id := r.PathValue("id")
	g, err := a.exporter().Group(ctx, whoOf(ctx), id)
	if err != nil {
		a.fhirRefuse(w, r, err)
		return
	}
	head, err := json.Marshal(groupOf(g))
	if err != nil {
		a.fhirRefuse(w, r, err)
		return
	}
	begin := func() {
		w.Header().Set("Content-Type", fhirJSON)
		_, _ = w.Write(head[:len(head)-1])
	}
	members := 0
	for patient, err := range a.exporter().Members(ctx, whoOf(ctx), id) {
		switch {
		case err != nil && members == 0:
			a.fhirRefuse(w, r, err)
			return
		case err != nil: // what is written is no JSON, and so is not taken for the whole
			a.log.ErrorContext(ctx, "the members of a group could not be read to their end", "error", err, "trace_id", traceOf(ctx))
			panic(http.ErrAbortHandler)
		}
		text, err := json.Marshal(j{"entity": j{"reference": "Patient/" + patient}})
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		separator := []byte(",")
		if members++; members == 1 {
			begin()
			separator = []byte(`,"member":[`)
		}
		_, _ = w.Write(append(separator, text...))
	}
	if members == 0 {
		begin()
		_, _ = w.Write([]byte("}\n"))
		return
	}
	_, _ = w.Write([]byte("]}\n"))
}
