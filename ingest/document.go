package ingest

import (
	"bytes"
	"io"

	"github.com/tidwall/gjson"
)

// wholeDocument reads a source that is one JSON value. A document is whole or
// not there: one that was cut, or is being written, is reported to the draft
// and does not exist.
func wholeDocument(in io.Reader, d *Draft) (gjson.Result, error) {
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

// firstObject returns the object that a source begins with. Of a source's first
// bytes it may be cut: what stands before the cut is found in it. Where
// something else stands, it does not exist.
func firstObject(head []byte) gjson.Result {
	head = bytes.TrimSpace(head)
	if len(head) == 0 || head[0] != '{' {
		return gjson.Result{}
	}
	return gjson.ParseBytes(head)
}

// eachItem gives f every item of a document's list and its place in it, and
// counts it as a record.
func eachItem(list gjson.Result, d *Draft, f func(n int, item gjson.Result)) {
	n := 0
	list.ForEach(func(_, item gjson.Result) bool {
		d.Records++
		f(n, item)
		n++
		return true
	})
}
