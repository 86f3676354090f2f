package rules

import "strings"

// Splice is one of the changes from one text to another: at a byte of the new
// text, Put stands in place of Was. It holds no more of a text than what changed.
type Splice struct {
	At  int    `json:"at"`
	Put string `json:"put"`
	Was string `json:"was,omitempty"`
}

// Splices returns the changes from one text to another, in order.
func Splices(before, after string) []Splice {
	if before == after {
		return nil
	}
	if len(before) > maxDiffBytes || len(after) > maxDiffBytes {
		return []Splice{tight(0, before, after)}
	}
	var out []Splice
	edits := lineEdits(before, after)
	at := 0
	for i := 0; i < len(edits); {
		if edits[i].op == ' ' {
			at += len(edits[i].line)
			i++
			continue
		}
		g := groupAt(edits, i)
		i = g.end
		put := strings.Join(g.added, "")
		out = append(out, tight(at, strings.Join(g.removed, ""), put))
		at += len(put)
	}
	return out
}

// tight is a change without what both sides begin and end with.
func tight(at int, was, put string) Splice {
	n := 0
	for n < min(len(was), len(put)) && was[n] == put[n] {
		n++
	}
	at, was, put = at+n, was[n:], put[n:]
	m := 0
	for m < min(len(was), len(put)) && was[len(was)-1-m] == put[len(put)-1-m] {
		m++
	}
	return Splice{at, put[:len(put)-m], was[:len(was)-m]}
}

// Unsplice takes changes back in the text that they led to. It reports false
// when the text is another.
func Unsplice(text string, changes []Splice) (string, bool) {
	for i := len(changes) - 1; i >= 0; i-- {
		c := changes[i]
		if c.At < 0 || c.At > len(text) || !strings.HasPrefix(text[c.At:], c.Put) {
			return "", false
		}
		text = text[:c.At] + c.Was + text[c.At+len(c.Put):]
	}
	return text, true
}
