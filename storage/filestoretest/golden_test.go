package filestoretest_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/storage/filestoretest"
)

// The stand-in gives the answers that the real service gave: probe.py asks it the same questions.
func TestAgreesWithTheRealService(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: the stand-in is not compared with the recorded answers")
	}
	server := filestoretest.New(t, "v2")
	out, err := exec.CommandContext(t.Context(), python, "testdata/probe.py", server.URL, "--golden", "testdata/java-2.9.3.golden.jsonl").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "0 answers differ from the golden file")
}
