package ingest

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/tidwall/gjson"
)

// chatLog replays the changes to a document, as Visual Studio Code's
// ObjectMutationLog writes them: {kind, k, v, i}, where k is the way to a value.
type chatLog struct {
	d     *Draft
	state any
}

// The kinds of changes.
const (
	logInitial = iota
	logSet
	logPush // items behind the first i, or behind all
	logDelete
)

var errNoPlace = errors.New("a change to what is not there")

func (l *chatLog) apply(at place, rec gjson.Result) {
	var way []any
	var value any
	if k := rec.Get("k"); k.Exists() && decode(k.Raw, &way) != nil {
		l.d.bad(at.line, "not a way: "+l.d.excerpt([]byte(k.Raw)))
		return
	}
	if v := rec.Get("v"); v.Exists() {
		if err := decode(v.Raw, &value); err != nil {
			l.d.bad(at.line, err.Error())
			return
		}
	}
	var err error
	switch kind := rec.Get("kind"); {
	case kind.Type != gjson.Number:
		l.d.unknown(rec.Get("type").String())
	case kind.Int() == logInitial:
		l.state = value
	case kind.Int() == logSet:
		l.state, err = changed(l.state, way, func(any) (any, error) { return value, nil })
	case kind.Int() == logPush:
		l.state, err = changed(l.state, way, func(old any) (any, error) { return pushed(old, value, rec.Get("i")) })
	case kind.Int() == logDelete:
		l.state, err = changed(l.state, way, func(any) (any, error) { return nil, nil })
	default:
		l.d.unknown("change " + kind.Raw)
	}
	if err != nil {
		l.d.bad(at.line, err.Error())
	}
}

// document returns what the changes have made.
func (l *chatLog) document() []byte {
	text, err := json.Marshal(l.state)
	if err != nil {
		return nil // of what was read from JSON, this cannot be
	}
	return text
}

// decode reads JSON without changing numbers.
func decode(text string, to any) error {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	return d.Decode(to)
}

// changed returns a value after a change to what stands at the end of a way.
func changed(in any, way []any, change func(any) (any, error)) (any, error) {
	if len(way) == 0 {
		return change(in)
	}
	switch in := in.(type) {
	case map[string]any:
		name, ok := way[0].(string)
		if !ok {
			return in, errNoPlace
		}
		value, err := changed(in[name], way[1:], change)
		if err == nil {
			in[name] = value
		}
		return in, err
	case []any:
		number, ok := way[0].(json.Number)
		if !ok {
			return in, errNoPlace
		}
		i, err := number.Int64()
		if err != nil || i < 0 || i > int64(len(in)) {
			return in, errNoPlace
		}
		if i == int64(len(in)) {
			in = append(in, nil)
		}
		value, err := changed(in[i], way[1:], change)
		if err == nil {
			in[i] = value
		}
		return in, err
	}
	return in, errNoPlace
}

// pushed returns a list with further items.
func pushed(old, items any, from gjson.Result) (any, error) {
	list, ok := old.([]any)
	if !ok && old != nil {
		return old, errNoPlace
	}
	if i := from.Int(); from.Type == gjson.Number && i >= 0 && i < int64(len(list)) {
		list = list[:i]
	}
	more, _ := items.([]any)
	return append(list, more...), nil
}
