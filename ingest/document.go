package ingest

import (
	"io"

	"github.com/tidwall/gjson"
)

// wholeDocument reads a source that is one JSON value. A document is whole or
// not there: one that was cut, or is being written, is reported to the draft
// and does not exist.
func wholeDocument(in *Input, d *Draft) (gjson.Result, error) {
	text, err := io.ReadAll(in)
	if err != nil {
		return gjson.Result{}, err
	}
	if !gjson.ValidBytes(text) {
		d.Partial = true
		d.bad(0, "not a whole JSON document")
		return gjson.Result{}, nil
	}
	return gjson.ParseBytes(text), nil
}
