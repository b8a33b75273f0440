package api

import (
	"context"
	"fmt"
	"html"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/digit-health/dhr/jql"
	"github.com/digit-health/dhr/record"
)

// A FieldInfo is a field that queries may name.
type FieldInfo struct {
	Value       string   `json:"value" doc:"The path, as a query writes it."`
	DisplayName string   `json:"display_name"`
	Type        string   `json:"type" doc:"The type in the index."`
	Orderable   bool     `json:"orderable"`
	Searchable  bool     `json:"searchable"`
	Operators   []string `json:"operators" nullable:"false"`
	Aliases     []string `json:"aliases" nullable:"false"`
	Indexes     []string `json:"indexes" nullable:"false" doc:"The indexes that have it."`
}

// A FunctionInfo is a function that queries may call.
type FunctionInfo struct {
	Value       string   `json:"value" doc:"The call, as in currentUser()."`
	DisplayName string   `json:"display_name"`
	IsList      bool     `json:"is_list" doc:"It stands after IN and NOT IN."`
	MinArgs     int      `json:"min_args"`
	MaxArgs     int      `json:"max_args" doc:"-1 for any number."`
	Kinds       []string `json:"kinds" nullable:"false" doc:"The kinds of fields that it is compared with; empty for every kind."`
}

// AutocompleteData is the vocabulary of queries.
type AutocompleteData struct {
	Fields        []FieldInfo    `json:"fields" nullable:"false"`
	Functions     []FunctionInfo `json:"functions" nullable:"false"`
	ReservedWords []string       `json:"reserved_words" nullable:"false"`
}

// A Suggestion is a value that records have.
type Suggestion struct {
	Value       string `json:"value"`
	DisplayName string `json:"display_name" doc:"The value as HTML, with what was typed in <b>."`
	Count       int64  `json:"count" doc:"How many records have it."`
}

// Suggestions are values that records have.
type Suggestions struct {
	Results []Suggestion `json:"results" nullable:"false"`
}

// A Completion is a text that may stand at the cursor.
type Completion struct {
	Text    string `json:"text"`
	Kind    string `json:"kind" enum:"field,operator,function,keyword,value"`
	Detail  string `json:"detail,omitempty"`
	Replace Place  `json:"replace"`
}

// A Place is a part of a query, in code points.
type Place struct {
	Offset int `json:"offset"`
	Length int `json:"length"`
}

// Completions are texts that may stand at the cursor.
type Completions struct {
	Items []Completion `json:"items" nullable:"false"`
}

// An IndexInfo is an index.
type IndexInfo struct {
	Name  string `json:"name"`
	Label string `json:"label"`
}

// Indexes are those that the asker may see.
type Indexes struct {
	Indexes []IndexInfo `json:"indexes" nullable:"false"`
}

// A SchemaInfo is what an index holds.
type SchemaInfo struct {
	Index  string        `json:"index"`
	Label  string        `json:"label"`
	Fields []SchemaField `json:"fields" nullable:"false" doc:"Every field that the asker may see, depth first."`
}

// A SchemaField is one field of an index.
type SchemaField struct {
	Path       string   `json:"path"`
	Type       string   `json:"type"`
	Kind       string   `json:"kind" doc:"What DHR makes of the type."`
	Label      string   `json:"label"`
	Aliases    []string `json:"aliases" nullable:"false"`
	Personal   bool     `json:"personal" doc:"It holds personal data."`
	Searchable bool     `json:"searchable"`
	Orderable  bool     `json:"orderable"`
	Operators  []string `json:"operators" nullable:"false"`
	Nested     string   `json:"nested,omitempty" doc:"The path of the nested object around it."`
}

func (a *handler) languageRoutes() {
	huma.Register(a.api, a.operation(http.MethodGet, "/v1/jql/autocompletedata", "vocabulary", "Language", "Fields, functions and words of queries"), a.vocabulary)
	huma.Register(a.api, a.operation(http.MethodGet, "/v1/jql/autocompletedata/suggestions", "suggestions", "Language", "Real values of a field"), a.suggestions)
	huma.Register(a.api, a.operation(http.MethodPost, "/v1/jql/complete", "complete", "Language", "What may stand at the cursor"), a.complete)
	huma.Register(a.api, a.operation(http.MethodPost, "/v1/jql/parse", "parse", "Language", "Queries as trees, in Jira's shape"), a.parse)
	huma.Register(a.api, a.operation(http.MethodGet, "/v1/indexes", "indexes", "Indexes", "The indexes that the asker may see"), a.indexes)
	huma.Register(a.api, a.operation(http.MethodGet, "/v1/indexes/{index}", "index", "Indexes", "The fields of an index"), a.schema)
}

type vocabularyRequest struct {
	Index []string `query:"index,explode" maxItems:"100" minLength:"1" nullable:"false" doc:"Names of indexes, or patterns; without any, all."`
}

func (a *handler) vocabulary(ctx context.Context, in *vocabularyRequest) (*answer[AutocompleteData], error) {
	schemas, err := a.service.Schemas(ctx, whoOf(ctx), commas(in.Index)...)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out := AutocompleteData{Fields: []FieldInfo{}, Functions: []FunctionInfo{}, ReservedWords: jql.ReservedWords()}
	place := map[string]int{}
	for _, s := range schemas {
		for f := range s.All() {
			if f.Path != f.Source { // its parent stands for it
				continue
			}
			i, ok := place[f.Path]
			if !ok {
				i = len(out.Fields)
				place[f.Path] = i
				out.Fields = append(out.Fields, fieldInfo(s, f))
			}
			out.Fields[i].Indexes = append(out.Fields[i].Indexes, s.Index)
		}
	}
	functions := a.service.Functions()
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		f := functions[name]
		info := FunctionInfo{Value: name + "()", DisplayName: name, IsList: f.List, MinArgs: f.MinArgs, MaxArgs: max(f.MaxArgs, -1), Kinds: []string{}}
		for _, k := range f.Kinds {
			info.Kinds = append(info.Kinds, k.String())
		}
		out.Functions = append(out.Functions, info)
	}
	return &answer[AutocompleteData]{out}, nil
}

func fieldInfo(s *record.Schema, f *record.Field) FieldInfo {
	return FieldInfo{
		Value: f.Path, DisplayName: labelOf(f), Type: f.Type, Orderable: jql.Orderable(f), Searchable: f.Searchable,
		Operators: filled(jql.Operators(s, f)), Aliases: filled(f.Aliases), Indexes: []string{},
	}
}

func labelOf(f *record.Field) string {
	if f.Label == "" {
		return f.Path
	}
	return f.Label
}

type suggestionsRequest struct {
	Index      []string `query:"index,explode" maxItems:"100" minLength:"1" nullable:"false" doc:"Names of indexes, or patterns; without any, all."`
	FieldName  string   `query:"field_name" required:"true" minLength:"1" doc:"The path, alias or label of the field."`
	FieldValue string   `query:"field_value" maxLength:"1000" doc:"What values begin with, in any case."`
	MaxResults int      `query:"max_results" minimum:"1" maximum:"100" default:"20"`
}

func (a *handler) suggestions(ctx context.Context, in *suggestionsRequest) (*answer[Suggestions], error) {
	found, err := a.service.Suggest(ctx, whoOf(ctx), commas(in.Index), in.FieldName, in.FieldValue, in.MaxResults)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out := Suggestions{Results: []Suggestion{}}
	typed := utf8.RuneCountInString(in.FieldValue)
	for _, b := range found {
		text := b.Keys[0].Text()
		runes := []rune(text)
		n := min(typed, len(runes))
		display := html.EscapeString(text)
		if n > 0 {
			display = "<b>" + html.EscapeString(string(runes[:n])) + "</b>" + html.EscapeString(string(runes[n:]))
		}
		out.Results = append(out.Results, Suggestion{text, display, b.Count})
	}
	return &answer[Suggestions]{out}, nil
}

type completeRequest struct {
	Body struct {
		JQL            string   `json:"jql"`
		Cursor         int      `json:"cursor" minimum:"0" doc:"Where the cursor stands, in code points from 0."`
		AllowedIndexes []string `json:"allowed_indexes,omitempty" maxItems:"100" nullable:"false"`
	}
}

func (a *handler) complete(ctx context.Context, in *completeRequest) (*answer[Completions], error) {
	text := in.Body.JQL
	if len(text) > maxQuery {
		return nil, byStatus[http.StatusUnprocessableEntity].problem(ctx, "the query is longer than "+byteCount(maxQuery))
	}
	at := newPlaces(text)
	if in.Body.Cursor > at.count {
		return nil, formProblem(ctx, http.StatusUnprocessableEntity, "the cursor is nowhere in the query", []error{&huma.ErrorDetail{
			Message: fmt.Sprintf("must be at most %d, where the query ends", at.count), Location: "body.cursor",
		}})
	}
	a.logged(ctx, text)
	found, err := a.service.Complete(ctx, whoOf(ctx), text, at.bytes(in.Body.Cursor), in.Body.AllowedIndexes...)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out := Completions{Items: []Completion{}}
	for _, c := range found {
		from := utf8.RuneCountInString(text[:c.Replace.Start])
		out.Items = append(out.Items, Completion{
			c.Text, c.Kind, c.Detail, Place{from, utf8.RuneCountInString(text[c.Replace.Start:c.Replace.End])},
		})
	}
	return &answer[Completions]{out}, nil
}

// places count the code points of a text.
type places struct {
	text  string
	count int
}

func newPlaces(text string) places { return places{text, utf8.RuneCountInString(text)} }

// bytes returns where the nth code point begins.
func (p places) bytes(n int) int {
	i := 0
	for at := range p.text {
		if i == n {
			return at
		}
		i++
	}
	return len(p.text)
}

func (a *handler) indexes(ctx context.Context, _ *struct{}) (*answer[Indexes], error) {
	who := whoOf(ctx)
	names, err := a.service.Indexes(ctx, who)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out := Indexes{Indexes: []IndexInfo{}}
	for _, name := range names {
		schemas, err := a.service.Schemas(ctx, who, name)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		for _, s := range schemas {
			out.Indexes = append(out.Indexes, IndexInfo{s.Index, s.Label})
		}
	}
	return &answer[Indexes]{out}, nil
}

type schemaRequest struct {
	Index string `path:"index" doc:"The name of an index."`
}

func (a *handler) schema(ctx context.Context, in *schemaRequest) (*answer[SchemaInfo], error) {
	if strings.Contains(in.Index, "*") {
		return nil, notFound.problem(ctx, "a name of one index is wanted, without *")
	}
	schemas, err := a.service.Schemas(ctx, whoOf(ctx), in.Index)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	s := schemas[0]
	out := SchemaInfo{Index: s.Index, Label: s.Label, Fields: []SchemaField{}}
	for f := range s.All() {
		out.Fields = append(out.Fields, SchemaField{
			Path: f.Path, Type: f.Type, Kind: f.Kind.String(), Label: labelOf(f), Aliases: filled(f.Aliases), Personal: f.Personal,
			Searchable: f.Searchable, Orderable: jql.Orderable(f), Operators: filled(jql.Operators(s, f)), Nested: f.Nested,
		})
	}
	return &answer[SchemaInfo]{out}, nil
}
