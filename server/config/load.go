package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxFile is how large a configuration file may be.
const maxFile = 4 << 20

// Load reads files, the later over the earlier, and over them what env says, such as os.Getenv; nil
// is an empty environment. Without files it is the default and the environment. Errors are [Errors], but for a file that
// cannot be read. The result has been checked.
func Load(files []string, env func(string) string) (*Config, error) {
	if env == nil {
		env = func(string) string { return "" }
	}
	c := Default()
	c.places = map[string]place{}
	l := &loader{config: c, env: env}
	for _, file := range files {
		if err := l.read(file); err != nil {
			return nil, fmt.Errorf("config: %w", err)
		}
	}
	l.environment(reflect.ValueOf(c).Elem(), "")
	if err := l.errors.err(); err != nil {
		// What else is wrong is told as well, unless it may only follow from this.
		l.errors = append(l.errors, c.without(l.errors)...)
		return nil, l.errors.err()
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	return c, nil
}

// A loader collects values, and mistakes.
type loader struct {
	config *Config
	env    func(string) string
	file   string
	errors Errors
	nodes  int  // of parts in JSON
	grown  bool // beyond what they may be
}

func (l *loader) read(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return err
	}
	if len(text) > maxFile {
		return fmt.Errorf("%s is larger than %s", file, Size(maxFile))
	}
	l.file = file
	l.parse(text)
	return nil
}

var yamlPlace = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

func (l *loader) parse(text []byte) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if json.Valid(text) {
		text = asYAML(text)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return // an empty file says nothing
	case err != nil:
		l.syntax(err)
		return
	}
	var second yaml.Node
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		l.errors = append(l.errors, &Error{File: l.file, Line: max(1, second.Line), Column: 1, Message: "there is a second document in the file"})
		return
	}
	l.section(document.Content[0], reflect.ValueOf(l.config).Elem(), "")
}

var escapes = regexp.MustCompile(`\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\.`)

// asYAML changes what JSON has and YAML does not: tabs, which are only between values, and
// characters that are written as two escapes, and an escaped stroke.
func asYAML(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte("\t"), []byte(" "))
	return escapes.ReplaceAllFunc(text, func(e []byte) []byte {
		var s string
		if e[1] == '/' {
			return e[1:]
		}
		if len(e) == 2 || json.Unmarshal([]byte(`"`+string(e)+`"`), &s) != nil {
			return e
		}
		return []byte(s)
	})
}

func (l *loader) syntax(err error) {
	e := &Error{File: l.file, Line: 1, Column: 1, Message: "is no YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := yamlPlace.FindStringSubmatch(err.Error()); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		e.Message = "is no YAML: " + m[2]
	}
	l.errors = append(l.errors, e)
}

func (l *loader) complain(n *yaml.Node, key, format string, args ...any) {
	l.errors = append(l.errors, &Error{File: l.file, Line: n.Line, Column: n.Column, Key: key, Message: fmt.Sprintf(format, args...)})
}

// secretFile reads the file beside a secret.
func (l *loader) secretFile(name string) (string, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(l.file), name)
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(f, 64<<10+1))
	switch {
	case err != nil:
		return "", err
	case len(text) > 64<<10:
		return "", fmt.Errorf("%s is too large for a secret", name)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("%s is empty", name)
	}
	return secret, nil
}

// environment sets what variables say: of every single value, and every list of texts.
func (l *loader) environment(v reflect.Value, path string) {
	for _, k := range keysOf(v.Type()) {
		key, field := join(path, k.name), v.Field(k.index)
		switch {
		case isSection(k.kind):
			l.environment(field, key)
			continue
		case k.kind.Kind() == reflect.Map || k.kind.Kind() == reflect.Slice && k.kind.Elem().Kind() != reflect.String:
			continue
		}
		for _, name := range variables(key) {
			if text := l.env(name); text != "" {
				l.variable(name, text, field, key, k)
			}
			if k.kind != secretType {
				continue
			}
			if file := l.env(name + "_FILE"); file != "" {
				l.file = ""
				if text, err := l.secretFile(file); err != nil {
					l.errors = append(l.errors, &Error{File: name + "_FILE", Key: key + "_file", Message: err.Error()})
				} else {
					l.variable(name+"_FILE", text, field, key, k)
				}
			}
		}
	}
}

// variables returns the names of the variables that set a key, of which the last counts.
func variables(key string) []string {
	names := []string{"DHR_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))}
	switch key {
	case "server.port":
		names = append(names, "SERVER_PORT")
	case "server.data":
		names = append(names, "DHR_DATA")
	}
	return names
}

func (l *loader) variable(name, text string, field reflect.Value, key string, k key) {
	l.config.places[key] = place{file: name}
	var message string
	if field.Kind() == reflect.Slice {
		list := reflect.MakeSlice(field.Type(), 0, 4)
		for _, part := range strings.Split(text, ",") {
			if message = allowed(k, strings.TrimSpace(part)); message != "" {
				break
			}
			list = reflect.Append(list, reflect.ValueOf(strings.TrimSpace(part)))
		}
		field.Set(list)
	} else {
		message = set(field, text, k)
	}
	if message != "" {
		l.errors = append(l.errors, &Error{File: name, Key: key, Message: message})
	}
}
