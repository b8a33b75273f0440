package config_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/server/config"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

const page = "../../docs/configuration.md"

const intro = `# Configuration

A server needs none: ` + "`go run ./server`" + ` listens on 127.0.0.1:3000 and keeps everything under ` + "`./dhr-data`" + `. What is to be different is written into a file in YAML or JSON, given as
` + "`-config application.yml`" + `. This page is made from the comments of package ` + "`server/config`" + `; a test keeps it so.

` + "```yaml" + `
server:
  address: 0.0.0.0
  port: ${SERVER_PORT:3000}
elasticsearch:
  hosts: ["${ES_URL:http://localhost:9200}"]
  username: elastic
  password_file: /run/secrets/elastic
engine:
  indexes: [health-data-*, project-task-index-v1]
auth:
  mode: jwt
  jwt:
    preset: keycloak
    issuer: https://sso.example.org/realms/health
    audience: dhr
roles:
  ANALYST:
    permissions: [view, export]
    grants:
      - indexes: [health-data-*]
        personal: hidden
        others: visible
` + "```" + `

- **Variables.** In a value, ` + "`${NAME}`" + ` is a variable of the environment and must be set; ` + "`${NAME:text}`" + ` is the text if it is not. ` + "`$${`" + ` is the characters ` + "`${`" + `.
- **Environment.** Every single value and list of texts has a variable of its own, which goes before the files: ` + "`engine.kind`" + ` is ` + "`DHR_ENGINE_KIND`" + `. Lists are written with commas. ` + "`SERVER_PORT`" + ` is ` + "`server.port`" + `, and ` + "`DHR_DATA`" + ` is ` + "`server.data`" + `.
- **Several files.** A later one goes over an earlier one: names are added to a map, a list is replaced.
- **Secrets** are never printed. Beside each, the same key with ` + "`_file`" + ` names a file that holds it (` + "`DHR_…_FILE`" + ` in the environment); a relative path begins at the configuration file.
- **Durations** are written as 500ms, 20s, 5m, 2h or 7d, **sizes** as 512KB, 10MB or 1GB (of 1024).
- **Mistakes** are told all at once, each with its line and column; a key that is not known is one, and the nearest that is known is named. ` + "`server config check`" + ` tells them without starting anything.

In the tables, [] is a list, <name> a name of your choice, and a key without a default is empty.
`

func TestEveryOptionIsDocumented(t *testing.T) {
	t.Parallel()
	comments := structComments(t)
	var b strings.Builder
	b.WriteString(intro)
	for _, f := range reflect.VisibleFields(reflect.TypeFor[config.Config]()) {
		if !f.IsExported() {
			continue
		}
		name := snake(f.Name)
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| key | type | default | |\n|---|---|---|---|\n", name, about(t, comments, "Config", f.Name))
		value := reflect.ValueOf(config.Default()).Elem().FieldByIndex(f.Index)
		switch f.Type.Kind() {
		case reflect.Map:
			rows(t, &b, comments, name+".<name>", reflect.New(f.Type.Elem()).Elem())
		default:
			rows(t, &b, comments, name, value)
		}
	}
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(b.String()), 0o600))
		return
	}
	got, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(got), "go test ./server/config -update")
}

// rows writes a row for each key of a section, and of the sections in it.
func rows(t *testing.T, b *strings.Builder, comments map[string]string, path string, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		full := path + "." + snake(f.Name)
		switch {
		case f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[config.Secret]():
			rows(t, b, comments, full, v.Field(i))
			continue
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			rows(t, b, comments, full+"[]", reflect.New(f.Type.Elem()).Elem())
			continue
		}
		kind := kindOf(f)
		text := about(t, comments, v.Type().Name(), f.Name)
		if least, most := f.Tag.Get("min"), f.Tag.Get("max"); most != "" {
			text += fmt.Sprintf(" From %s to %s.", least, most)
		} else if least != "" {
			text += fmt.Sprintf(" At least %s.", least)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", full, kind, preset(v.Field(i)), text)
	}
}

func kindOf(f reflect.StructField) string {
	list := ""
	t := f.Type
	if t.Kind() == reflect.Slice && t != reflect.TypeFor[config.JSON]() {
		list, t = "list of ", t.Elem()
	}
	switch {
	case f.Tag.Get("oneof") != "":
		return list + "`" + strings.ReplaceAll(f.Tag.Get("oneof"), ",", "`, `") + "`"
	case t == reflect.TypeFor[config.Secret]():
		return "secret"
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case t == reflect.TypeFor[config.Size]():
		return "size"
	case t == reflect.TypeFor[config.JSON]():
		return "list of grants"
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Slice:
		return "lists by name"
	case t.Kind() == reflect.Map:
		return "texts by name"
	}
	return list + map[reflect.Kind]string{reflect.String: "text", reflect.Bool: "true or false", reflect.Int: "whole number", reflect.Float64: "number"}[t.Kind()]
}

// preset is the default as it would be written.
func preset(v reflect.Value) string {
	text := ""
	switch x := v.Interface().(type) {
	case time.Duration:
		text = config.FormatDuration(x)
	case []string:
		text = strings.Join(x, ", ")
	case config.Secret, config.JSON:
	default:
		if v.Kind() == reflect.Map {
			return ""
		}
		text = fmt.Sprint(x)
	}
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func snake(name string) string { return config.Snake(name) }

// about is the comment of a field, from behind its name.
func about(t *testing.T, comments map[string]string, section, field string) string {
	t.Helper()
	text := comments[section+"."+field]
	require.True(t, strings.HasPrefix(text, field+" "), "%s.%s has no comment that begins with its name", section, field)
	_, text, _ = strings.Cut(text, " ")
	for _, verb := range []string{"is ", "are "} {
		text = strings.TrimPrefix(text, verb)
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// structComments reads the comments of the fields of every struct, each on one line.
func structComments(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	all := map[string]string{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if body, ok := s.Type.(*ast.StructType); ok {
				for _, field := range body.Fields.List {
					for _, name := range field.Names {
						all[s.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
					}
				}
			}
			return true
		})
	}
	return all
}
