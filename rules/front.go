package rules

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// frontMark stands before and behind the front matter of a document.
const frontMark = "---\n"

// printFront writes the front matter of a document: parseFront reads it back,
// whatever the texts in it are.
func printFront(v any, options ...yaml.EncodeOption) ([]byte, error) {
	front, err := yaml.MarshalWithOptions(v, append(options, yaml.CustomMarshaler(scalar))...)
	if err != nil {
		return nil, err
	}
	return []byte(frontMark + string(front) + frontMark), nil
}

// scalar writes a text as YAML: in quotes where the encoder's own choice would
// be read as something else, or take several lines.
func scalar(s string) ([]byte, error) {
	own, err := yaml.Marshal(s)
	line := strings.TrimSuffix(string(own), "\n")
	var again string
	if err == nil && !strings.ContainsAny(line, "\n\r") && yaml.Unmarshal(own, &again) == nil && again == s {
		return []byte(line), nil
	}
	return []byte(strconv.Quote(strings.ToValidUTF8(s, "�"))), nil
}

// parseFront reads the front matter of a document into v and returns what
// stands behind it.
func parseFront(doc []byte, v any) (body []byte, err error) {
	rest, ok := bytes.CutPrefix(doc, []byte(frontMark))
	if !ok {
		return nil, errors.New("no front matter: the document must begin with ---")
	}
	front, body, ok := bytes.Cut(rest, []byte("\n"+frontMark))
	if !ok {
		return nil, errors.New("the front matter does not end with ---")
	}
	if err := ReadYAML(append(front, '\n'), v); err != nil {
		return nil, fmt.Errorf("front matter: %s", yaml.FormatError(err, false, false))
	}
	return body, nil
}

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
