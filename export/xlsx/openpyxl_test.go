package xlsx_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// A third reader, of another language.
func TestOpenpyxl(t *testing.T) {
	t.Parallel()
	python := os.Getenv("DHR_TEST_OPENPYXL_PYTHON")
	if python == "" {
		t.Skip("DHR_TEST_OPENPYXL_PYTHON is not set: no workbook is read by openpyxl")
	}
	path := t.TempDir() + "/sample.xlsx"
	require.NoError(t, os.WriteFile(path, sample(t), 0o600))
	out, err := exec.CommandContext(t.Context(), python, "-c", `
import sys, openpyxl
w = openpyxl.load_workbook(sys.argv[1])
print(w.sheetnames, w["Data"].freeze_panes, w["Data"].auto_filter.ref)
for s in w.worksheets[:2]:
    for row in s.iter_rows():
        print([(c.value, c.data_type, c.number_format) for c in row])
`, path).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, `['Data', 'Data (2)', 'About'] A2 A1:D3
[('id', 's', '@'), ('n', 's', '@'), ('at', 's', '@'), ('ok', 's', '@')]
[('007', 's', '@'), (36.5, 'n', 'General'), (datetime.datetime(2026, 3, 28, 20, 30, 15), 'd', 'yyyy\\-mm\\-dd\\ hh:mm:ss'), (True, 'b', 'General')]
[(' आशा & \r\n_x005F_x0041_', 's', 'General'), (None, 'n', 'General'), (None, 'n', 'General'), (None, 'n', 'General')]
[('id', 's', '@'), ('n', 's', '@'), ('at', 's', '@'), ('ok', 's', '@')]
[('', 's', 'General'), (-1, 'n', 'General'), (datetime.datetime(2026, 1, 31, 0, 0), 'd', 'yyyy\\-mm\\-dd'), (None, 'n', 'General')]
`, string(out))
}
