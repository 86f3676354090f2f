package rules

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"lode/rules/front"
)

// printFront writes the front matter of a document: parseFront reads it back,
// whatever the texts in it are.
func printFront(v any, options ...yaml.EncodeOption) ([]byte, error) {
	matter, err := yaml.MarshalWithOptions(v, append(options, yaml.CustomMarshaler(scalar))...)
	if err != nil {
		return nil, err
	}
	return []byte(front.Mark + string(matter) + front.Mark), nil
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
	matter, body, err := front.Cut(doc)
	if err != nil {
		return nil, err
	}
	if err := front.ReadYAML(matter, v); err != nil {
		return nil, fmt.Errorf("front matter: %s", yaml.FormatError(err, false, false))
	}
	return body, nil
}

// ReadYAML reads a YAML document into v, whoever wrote it.
func ReadYAML(doc []byte, v any, options ...yaml.DecodeOption) error {
	return front.ReadYAML(doc, v, options...)
}

// FrontMatter writes the front matter of a document of another package.
func FrontMatter(v any) ([]byte, error) { return printFront(v) }
