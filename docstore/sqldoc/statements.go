package sqldoc

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// The statements of transactions that write. Both databases take all of them.
const (
	numberText = `INSERT INTO {s}kind AS k (kind, change) VALUES ($1, $2)
ON CONFLICT (kind) DO UPDATE SET change = k.change + $2 RETURNING change, (SELECT version FROM {s}format)`
	selectText = "SELECT version, labels FROM {s}document WHERE kind = $1 AND tenant = $2 AND id = $3"
	insertText = "INSERT INTO {s}document (version, change, name, labels, body, kind, tenant, id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
	updateText = "UPDATE {s}document SET version = $1, change = $2, name = $3, labels = $4, body = $5 WHERE kind = $6 AND tenant = $7 AND id = $8"
	deleteText = "DELETE FROM {s}document WHERE kind = $1 AND tenant = $2 AND id = $3"
)

// insertLabelsText takes kind, tenant, id, name, change, and n labels.
func insertLabelsText(n int) string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = "($1, $2, $" + strconv.Itoa(6+i) + ", $3, $4, $5)"
	}
	return "INSERT INTO {s}label (kind, tenant, label, id, name, change) VALUES " + strings.Join(rows, ", ")
}

// deleteLabelsText takes kind, tenant, id, and n labels.
func deleteLabelsText(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "$" + strconv.Itoa(4+i)
	}
	return "DELETE FROM {s}label WHERE kind = $1 AND tenant = $2 AND id = $3 AND label IN (" + strings.Join(list, ", ") + ")"
}

// preparedLabels is up to how many labels a document has whose statements are prepared.
const preparedLabels = 4

// prepare prepares the statements of transactions that write, on the one connection that does: SQLite
// takes as long to read a statement as to carry it out.
func (d *Driver) prepare(ctx context.Context) error {
	texts := []string{numberText, selectText, insertText, updateText, deleteText}
	for n := 1; n <= preparedLabels; n++ {
		texts = append(texts, insertLabelsText(n), deleteLabelsText(n))
	}
	for _, text := range texts {
		s, err := d.write.PrepareContext(ctx, d.text(text)) //nolint:sqlclosecheck // Close closes it
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		d.prepared[text] = s
	}
	return nil
}
