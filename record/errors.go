package record

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A SchemaError says what is wrong with a mapping file, or with a name that a
// schema does not have.
type SchemaError struct {
	// Index is the name of the index.
	Index string
	// Path is the place in the mapping file, such as
	// mappings.properties.age.type, or the name that was asked for.
	Path string
	// Offset is the byte in the file at which its JSON breaks, or -1 if the
	// JSON is sound.
	Offset int
	// Message says what is wrong there.
	Message string
}

// Error returns one line with the index, the place and the message.
func (e *SchemaError) Error() string {
	var b strings.Builder
	b.WriteString("record: schema")
	if e.Index != "" {
		b.WriteString(" of " + strconv.Quote(e.Index))
	}
	b.WriteString(": ")
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	if e.Offset >= 0 {
		b.WriteString("offset " + strconv.Itoa(e.Offset) + ": ")
	}
	b.WriteString(e.Message)
	return b.String()
}

// A ValueError says that a text is no value of a field.
type ValueError struct {
	// Field is the field that was meant.
	Field *Field
	// Text is the text as it was given.
	Text string
	// Want says in words what the field takes, such as "a whole number".
	Want string
}

// Error returns a phrase such as: "abc" is not a whole number.
func (e *ValueError) Error() string { return notA(e.Text, e.Want) }

func notA(text, want string) string { return strconv.Quote(shorten(text)) + " is not " + want }

// shorten cuts a long text for a message.
func shorten(text string) string {
	const limit = 64
	if len(text) <= limit {
		return text
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// A DocumentError says why a document could not be read.
type DocumentError struct {
	// File and Line say where the document stands in a stream; they are empty
	// and 0 for a document that was decoded by itself. Lines count from 1.
	File string
	Line int
	// Records is how many records of the stream came before the fault.
	Records int
	// Offset is the byte in the document, or in the line of a stream, at which
	// the fault is; it counts from 0.
	Offset int
	// Path is the field concerned, or empty where the JSON itself is broken.
	Path string
	// Message says what is wrong there.
	Message string
	// Err is the error of the reader if the document could not be had at all, else nil.
	Err error
}

// Error returns one line: the file, line and column (from 1) if known, the path and the message.
func (e *DocumentError) Error() string {
	var b strings.Builder
	b.WriteString("record: ")
	if e.Line > 0 {
		b.WriteString(e.File + ":" + strconv.Itoa(e.Line) + ":" + strconv.Itoa(e.Offset+1) + ": ")
	} else {
		b.WriteString("document, offset " + strconv.Itoa(e.Offset) + ": ")
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Message)
	if e.Line > 0 {
		b.WriteString(" (after " + strconv.Itoa(e.Records) + " records)")
	}
	return b.String()
}

// Unwrap returns Err.
func (e *DocumentError) Unwrap() error { return e.Err }
