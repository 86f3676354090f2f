// Package lazyregexp has regular expressions that are compiled when they are
// first used. There are hundreds at package level, and a process that searches
// should not wait for those that only mining needs. The form is that of
// internal/lazyregexp of the Go project.
package lazyregexp

import (
	"os"
	"regexp"
	"strings"
	"sync"
)

// Regexp is a regular expression like regexp.Regexp, whose methods it has.
type Regexp struct {
	expr string
	once sync.Once
	re   *regexp.Regexp
	need needles
}

// New returns an expression, which must be valid. Tests compile it at once, so
// that a bad one cannot hide.
func New(expr string) *Regexp {
	r := &Regexp{expr: expr}
	if inTest {
		r.compiled()
	}
	return r
}

var inTest = len(os.Args) > 0 && strings.HasSuffix(strings.TrimSuffix(os.Args[0], ".exe"), ".test")

func (r *Regexp) compiled() *regexp.Regexp {
	r.once.Do(func() { r.re, r.need = regexp.MustCompile(r.expr), needlesOf(r.expr) })
	return r.re
}

// misses reports whether there can be no match in a text.
func (r *Regexp) misses(s string) bool {
	r.compiled()
	return r.need.missing(s)
}

// The methods are those of regexp.Regexp.

func (r *Regexp) String() string { return r.expr }

func (r *Regexp) Match(b []byte) bool {
	return r.compiled().Match(b)
}

func (r *Regexp) MatchString(s string) bool {
	if r.misses(s) {
		return false
	}
	return r.compiled().MatchString(s)
}

func (r *Regexp) FindString(s string) string {
	if r.misses(s) {
		return ""
	}
	return r.compiled().FindString(s)
}

func (r *Regexp) FindStringIndex(s string) []int {
	if r.misses(s) {
		return nil
	}
	return r.compiled().FindStringIndex(s)
}

func (r *Regexp) FindStringSubmatch(s string) []string {
	if r.misses(s) {
		return nil
	}
	return r.compiled().FindStringSubmatch(s)
}

func (r *Regexp) FindStringSubmatchIndex(s string) []int {
	if r.misses(s) {
		return nil
	}
	return r.compiled().FindStringSubmatchIndex(s)
}

func (r *Regexp) FindAllString(s string, n int) []string {
	if r.misses(s) {
		return nil
	}
	return r.compiled().FindAllString(s, n)
}

func (r *Regexp) FindAllStringIndex(s string, n int) [][]int {
	if r.misses(s) {
		return nil
	}
	return r.compiled().FindAllStringIndex(s, n)
}

func (r *Regexp) FindAllStringSubmatch(s string, n int) [][]string {
	if r.misses(s) {
		return nil
	}
	return r.compiled().FindAllStringSubmatch(s, n)
}

func (r *Regexp) FindAllStringSubmatchIndex(s string, n int) [][]int {
	if r.misses(s) {
		return nil
	}
	return r.compiled().FindAllStringSubmatchIndex(s, n)
}

func (r *Regexp) ReplaceAllString(s, repl string) string {
	return r.compiled().ReplaceAllString(s, repl)
}

func (r *Regexp) ReplaceAllStringFunc(s string, f func(string) string) string {
	return r.compiled().ReplaceAllStringFunc(s, f)
}

func (r *Regexp) SubexpNames() []string {
	return r.compiled().SubexpNames()
}

func (r *Regexp) SubexpIndex(name string) int {
	return r.compiled().SubexpIndex(name)
}

func (r *Regexp) FindIndex(b []byte) []int {
	return r.compiled().FindIndex(b)
}
