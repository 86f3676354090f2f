// Package front reads YAML, alone and as the front matter of documents, from
// files that anybody may have written.
package front

import (
	"bytes"
	"errors"

	"github.com/goccy/go-yaml"
)

// Mark stands before and behind the front matter of a document.
const Mark = "---\n"

// ReadYAML reads a YAML document into v. A document on which the decoder
// panics, such as one with an unknown tag before a list
// (github.com/goccy/go-yaml/issues/735), gives an error as any other does.
func ReadYAML(doc []byte, v any, options ...yaml.DecodeOption) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("this is no YAML that can be read: look for tags (!name) and unclosed brackets")
		}
	}()
	return yaml.UnmarshalWithOptions(doc, v, options...)
}

// Cut divides a document into its front matter and what stands behind it.
func Cut(doc []byte) (matter, body []byte, err error) {
	rest, ok := bytes.CutPrefix(doc, []byte(Mark))
	if !ok {
		return nil, nil, errors.New("no front matter: the document must begin with ---")
	}
	matter, body, ok = bytes.Cut(rest, []byte("\n"+Mark))
	if !ok {
		return nil, nil, errors.New("the front matter does not end with ---")
	}
	return append(matter[:len(matter):len(matter)], '\n'), body, nil
}
