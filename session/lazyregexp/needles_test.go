package lazyregexp

import (
	"regexp"
	"slices"
	"testing"
)

// What an expression is known to need.
func TestNeedles(t *testing.T) {
	for _, c := range []struct {
		expr  string
		texts []string
		fold  bool
	}{
		{`No such file`, []string{"No such file"}, false},
		{`[Nn]o such file|(?:is a )+directory$`, []string{"o such file", "directory"}, false},
		{`(?i)\bStash\w*`, []string{"stash"}, true},
		{`(?i)stash|(?-i:DRY)`, []string{"stash", "dry"}, true},
		{`in (?:the )?future|(?:always){2}`, []string{"future", "always"}, false},
		{`a.*\d`, nil, false},       // too short
		{`always|\d+`, nil, false},  // one way has none
		{`(?:always)?`, nil, false}, // may match nothing
		{`^always`, nil, false},     // fails fast
		{`(?m)^always`, []string{"always"}, false},
		{`(?i)straße`, nil, false},
	} {
		if got := needlesOf(c.expr); !slices.Equal(got.texts, c.texts) || got.fold != c.fold {
			t.Errorf("%s needs %q, folded %v, want %q, %v", c.expr, got.texts, got.fold, c.texts, c.fold)
		}
	}
}

// FuzzNeedles: an expression matches where that of package regexp does.
func FuzzNeedles(f *testing.F) {
	for _, c := range [][2]string{
		{`(?i)\bstash\w*|reset`, "do not StaſH it"}, {`(?i)kelvin`, "\u212aelvin"}, {`(?i)(?:DRY|(?-i:Reuse))+`, "dReuse"}, {`a\x{FFFD}bc`, "a\xffbc"},
		{`(abc){0,2}def|x{3,}`, "xxx"}, {`[Nn]o such file(?: or directory)?`, "no such file"}, {`(?s)a.c|(?m)^foo$`, "foo\n"}, {`日本語|русский`, "日本語"}, {`(?i)日本語|ÄÖÜ`, "äöü"},
		{`always|never|\bdon'?t ever\b`, "please always"},
	} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, expr, text string) {
		want, err := regexp.Compile(expr)
		if err != nil {
			return
		}
		lazy := New(expr)
		if got := lazy.FindStringIndex(text); !slices.Equal(got, want.FindStringIndex(text)) {
			t.Errorf("%q in %q: %v, want %v (needs %q)", expr, text, got, want.FindStringIndex(text), lazy.need.texts)
		}
	})
}
