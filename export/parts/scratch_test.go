package parts_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/export/parts"
)

func TestScratch(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s, err := parts.NewScratch(folder)
	require.NoError(t, err)
	_, err = io.WriteString(s, "household")
	require.NoError(t, err)
	b := make([]byte, 5)
	n, err := s.ReadAt(b, 5)
	require.Equal(t, io.EOF, err)
	require.Equal(t, "hold", string(b[:n]))
	require.NoError(t, s.Close())
	all, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, all)
	_, err = s.Write(b)
	require.ErrorIs(t, err, parts.ErrSpool)

	_, err = parts.NewScratch(filepath.Join(folder, "nowhere"))
	require.ErrorIs(t, err, parts.ErrSpool)
}
