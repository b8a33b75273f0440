package sqlgen

import (
	"encoding/hex"
	"encoding/json"
)

// manyValues is the length from which a list is given as one argument, so
// that no number of values is more than a statement may have arguments.
const manyValues = 200

// manyFloats is the length up to which numbers with fractions are given to SQLite. They are
// given one by one, since as text it might round them otherwise.
const manyFloats = 5000

// in appends the condition that the value at p is one of args, two or more of one type.
func (b *Builder) in(p place, args []any) {
	switch {
	case b.l.Dialect == Postgres:
		if list := typed(args); list != nil {
			b.at(p).SQL(" = ANY(").Arg(list).SQL(")")
			return
		}
	case len(args) >= manyValues:
		if text, as := packed(args); as != "" {
			b.at(p).SQL(" IN (SELECT ").SQL(as).SQL(" FROM json_each(").Arg(text).SQL("))")
			return
		}
	}
	b.at(p).SQL(" IN (")
	for i, a := range args {
		if i > 0 {
			b.SQL(", ")
		}
		b.Arg(a)
	}
	b.SQL(")")
}

// typed returns the values as a list of their one type, or nil.
func typed(args []any) any {
	switch args[0].(type) {
	case int64:
		return listOf[int64](args)
	case float64:
		return listOf[float64](args)
	case string:
		return listOf[string](args)
	case []byte:
		return listOf[[]byte](args)
	case bool:
		return listOf[bool](args)
	}
	return nil
}

func listOf[T any](args []any) any {
	list := make([]T, 0, len(args))
	for _, a := range args {
		v, ok := a.(T)
		if !ok {
			return nil
		}
		list = append(list, v)
	}
	return list
}

// packed returns the values as a JSON list, and the expression that has each of them
// out of json_each as it was. Strings and bytes are in hexadecimal, in which
// every one of them can be written.
func packed(args []any) (text, as string) {
	var list any
	switch args[0].(type) {
	case int64:
		list, as = args, "value"
	case string:
		hexed := make([]string, len(args))
		for i, a := range args {
			s, _ := a.(string)
			hexed[i] = hex.EncodeToString([]byte(s))
		}
		list, as = hexed, "CAST(unhex(value) AS TEXT)"
	case []byte:
		hexed := make([]string, len(args))
		for i, a := range args {
			s, _ := a.([]byte)
			hexed[i] = hex.EncodeToString(s)
		}
		list, as = hexed, "unhex(value)"
	default:
		return "", ""
	}
	out, err := json.Marshal(list)
	if err != nil {
		return "", ""
	}
	return string(out), as
}
