package ingest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The committed sample home is what its generator makes of the stories.
func TestSampleIsGenerated(t *testing.T) {
	dir := t.TempDir()
	generate := exec.Command("go", "run", "testdata/generate.go", dir)
	generate.Dir = ".."
	if out, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("go run testdata/generate.go: %v\n%s", err, out)
	}
	for _, agent := range []string{".claude", ".codex", "trajectories"} {
		want, got := tree(t, filepath.Join(dir, agent)), tree(t, filepath.Join("..", "testdata", "sample", agent))
		if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
			t.Errorf("testdata/sample/%s (-generated +committed; \"go run testdata/generate.go\" rewrites it):\n%s", agent, diff)
		}
	}
}

// tree returns the files below a folder.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
