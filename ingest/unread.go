package ingest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"

	"github.com/tidwall/gjson"
)

// Unread counts the files that are new or have changed since they were read, as
// Catalog.Pending does, from the catalog of a state folder. It reads nothing
// else of it: every search asks.
func Unread(dir string, found []Candidate) (int, error) {
	text, err := os.ReadFile(catalogFile(dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	c := Catalog{Sources: make(map[string]*Source, len(found))}
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte(`{"source":`)) {
			break // sources come first
		}
		var s Source
		gjson.GetBytes(line, "source").ForEach(func(key, value gjson.Result) bool {
			switch key.Str {
			case "path":
				s.Path = value.String()
			case "size":
				s.Size = value.Int()
			case "mtime":
				s.MTime = value.Int()
				return false // the last of the three, see Source
			}
			return true
		})
		c.Sources[s.Path] = &s
	}
	return c.Pending(found), nil
}
