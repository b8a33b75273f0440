package sqlsearch

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/digit-health/dhr/record"
	"github.com/digit-health/dhr/search"
)

// maxColumns is how many fields an index may have; SQLite takes 2,000 columns.
const maxColumns = 1990

// tokenizer makes FTS5 take texts apart at blanks alone: all of ASCII that can
// stand in a term belongs to it, as does everything beyond. What is stored are the
// terms that package analyzer makes, which have no capitals of ASCII, so
// that FTS5 finds exactly them. (Its unicode61 folds µ to μ and ς to σ, and breaks
// emoji at their joiners.)
const tokenizer = `tokenize="ascii tokenchars '!""#$%&''()*+,-./:;<=>?@[\]^_` + "`" + `{|}~'"`

// Create implements [search.Loader]. Fields that are added to an index are read out of the
// documents that it has.
func (d *SQLite) Create(ctx context.Context, s *record.Schema) error {
	if s.Index == "" || strings.Contains(s.Index, "*") {
		return fmt.Errorf("sqlsearch: %w: %q is no name of an index", search.ErrInvalid, s.Index)
	}
	mapping, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("sqlsearch: %w", err)
	}
	return d.writing(ctx, func(c *conn, cat *catalog) error {
		old := cat.indexes[s.Index]
		if old == nil {
			_, err := d.make(ctx, c, s, mapping)
			return err
		}
		grown, err := old.schema.Merge(s)
		if err != nil {
			return fmt.Errorf("sqlsearch: %w: %w", search.ErrSchemaConflict, err)
		}
		if grown == old.schema {
			return nil
		}
		mapping, err := json.Marshal(grown)
		if err != nil {
			return fmt.Errorf("sqlsearch: %w", err)
		}
		if !grows(old, grown) {
			return changed(c, old, mapping)
		}
		return d.remake(ctx, c, old, grown, mapping)
	})
}

// grows reports whether a schema has fields that the index does not store.
func grows(x *index, s *record.Schema) bool {
	for f := range s.All() {
		if kept(f) && x.columns[f.Path] == nil {
			return true
		}
	}
	return false
}

// changed notes a mapping in which only words for people are new.
func changed(c *conn, x *index, mapping []byte) error {
	if err := c.run("UPDATE dhr_index SET mapping = ?, revision = revision + 1 WHERE n = ?", mapping, x.n); err != nil {
		return err
	}
	return nextVersion(c)
}

// nextVersion tells all connections to read the catalog again.
func nextVersion(c *conn) error { return c.run("UPDATE dhr_state SET version = version + 1") }

// make makes the tables of a new index.
func (d *SQLite) make(ctx context.Context, c *conn, s *record.Schema, mapping []byte) (*index, error) {
	n, err := c.number(ctx, "SELECT next FROM dhr_state")
	if err != nil {
		return nil, err
	}
	x := &index{n: n, schema: s}
	texts := 0
	for f := range s.All() {
		if !kept(f) {
			continue
		}
		st := fieldState{Path: f.Path, Coded: f.Kind == record.String}
		if f.Kind == record.Text {
			texts++
			st.Text = texts
		}
		if f == s.Key && f.Kind == record.String && !f.FoldCase {
			st.Coded, x.state.Key = false, len(x.state.Fields)+1
		}
		x.state.Fields = append(x.state.Fields, st)
	}
	if len(x.state.Fields) > maxColumns {
		return nil, fmt.Errorf("sqlsearch: %w: index %q has %d fields, more than %d", search.ErrUnsupported, s.Index, len(x.state.Fields), maxColumns)
	}
	if err := c.exec(x.tables(texts)); err != nil {
		return nil, err
	}
	state, err := json.Marshal(x.state)
	if err != nil {
		return nil, err
	}
	if err := c.run("INSERT INTO dhr_index VALUES (?, ?, ?, 1, ?, 1)", n, s.Index, mapping, state); err != nil {
		return nil, err
	}
	if err := c.run("UPDATE dhr_state SET next = next + 1"); err != nil {
		return nil, err
	}
	return x, nextVersion(c)
}

// tables returns the statements that make the index's tables.
func (x *index) tables(texts int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE %s (rid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE", x.table(""))
	for i, st := range x.state.Fields {
		fmt.Fprintf(&b, ", %s%s", columnName(i), affinity(x.schema.Field(st.Path)))
	}
	b.WriteString(");\n")
	fmt.Fprintf(&b, "CREATE TABLE %s (rid INTEGER PRIMARY KEY, doc BLOB NOT NULL);\n", x.table("source"))
	fmt.Fprintf(&b, "CREATE TABLE %s (rid INTEGER, field INTEGER, ord INTEGER, value, PRIMARY KEY (rid, field, ord)) WITHOUT ROWID;\n", x.table("values"))
	fmt.Fprintf(&b, "CREATE TABLE %s (rid INTEGER, field INTEGER, key TEXT, ord INTEGER, value TEXT, PRIMARY KEY (rid, field, key, ord)) WITHOUT ROWID;\n", x.table("keys"))
	fmt.Fprintf(&b, "CREATE TABLE %s (code INTEGER PRIMARY KEY, field INTEGER NOT NULL, value TEXT NOT NULL, UNIQUE (field, value));\n", x.table("codes"))
	if texts > 0 {
		fmt.Fprintf(&b, "CREATE TABLE %s (term TEXT PRIMARY KEY) WITHOUT ROWID;\n", x.table("terms"))
		fmt.Fprintf(&b, "CREATE VIRTUAL TABLE %s USING fts5(", x.table("text"))
		for i := range texts {
			fmt.Fprintf(&b, "t%d, ", i+1)
		}
		fmt.Fprintf(&b, "content='', contentless_delete=1, %s);\n", tokenizer)
		fmt.Fprintf(&b, "INSERT INTO %[1]s(%[1]s, rank) VALUES('pgsz', 8000);\n", x.table("text"))
		fmt.Fprintf(&b, "INSERT INTO %[1]s(%[1]s, rank) VALUES('hashsize', %[2]d);\n", x.table("text"), hashSize)
		fmt.Fprintf(&b, "INSERT INTO %[1]s(%[1]s, rank) VALUES('automerge', 0);\n", x.table("text"))
		fmt.Fprintf(&b, "INSERT INTO %[1]s(%[1]s, rank) VALUES('crisismerge', 250);\n", x.table("text"))
	}
	return b.String()
}

// optimized returns the statements that put together what FTS5 has written, which it
// does not do by itself before the first load is over, and let it do so from now on.
func (x *index) optimized() []string {
	t := x.table("text")
	return []string{
		fmt.Sprintf("INSERT INTO %[1]s(%[1]s) VALUES('optimize')", t),
		fmt.Sprintf("INSERT INTO %[1]s(%[1]s, rank) VALUES('automerge', 4)", t),
		fmt.Sprintf("INSERT INTO %[1]s(%[1]s, rank) VALUES('crisismerge', 16)", t),
	}
}

// hashSize is how many bytes of terms FTS5 gathers before it writes them.
const hashSize = 16 << 20

// affinity returns the type of a field's column. Strings have none, since they may
// be codes as well.
func affinity(f *record.Field) string {
	switch f.Kind {
	case record.Float:
		return " REAL"
	case record.String, record.IP, record.Version:
		return ""
	}
	return " INTEGER"
}

// secondary returns the statements that end a first load: they make the indexes of the
// columns, one each, and put that of the texts in order.
func (x *index) secondary() []string {
	list := []string{
		fmt.Sprintf("CREATE INDEX IF NOT EXISTS %s ON %s (field, value, rid)", x.table("values_v"), x.table("values")),
		fmt.Sprintf("CREATE INDEX IF NOT EXISTS %s ON %s (field, key, value, rid)", x.table("keys_v"), x.table("keys")),
	}
	if slices.ContainsFunc(x.state.Fields, func(st fieldState) bool { return st.Text > 0 }) {
		list = append(list, x.optimized()...)
	}
	for i, st := range x.state.Fields {
		if f := x.schema.Field(st.Path); f != nil && indexed(f) && x.state.Key != i+1 {
			list = append(list, x.indexOf(i))
		}
	}
	return list
}

// indexOf returns the statement that makes the index of a field's column.
func (x *index) indexOf(field int) string {
	return fmt.Sprintf("CREATE INDEX IF NOT EXISTS %s ON %s (%s)", x.table(columnName(field)), x.table(""), columnName(field))
}

// Drop implements [search.Loader].
func (d *SQLite) Drop(ctx context.Context, name string) error {
	return d.writing(ctx, func(c *conn, cat *catalog) error {
		x := cat.indexes[name]
		if x == nil {
			return nil
		}
		return drop(c, x)
	})
}

func drop(c *conn, x *index) error {
	for _, suffix := range []string{"", "source", "values", "keys", "codes", "terms", "text"} {
		if err := c.exec("DROP TABLE IF EXISTS " + x.table(suffix)); err != nil {
			return err
		}
	}
	if err := c.run("DELETE FROM dhr_index WHERE n = ?", x.n); err != nil {
		return err
	}
	return nextVersion(c)
}
