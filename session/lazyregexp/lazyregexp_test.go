package lazyregexp

import (
	"reflect"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every method answers as that of regexp.Regexp with the same name.
func TestMethods(t *testing.T) {
	const expr = `(?P<word>[a-z]+)(\d*)`
	lazy, want := New(expr), regexp.MustCompile(expr)
	args := map[reflect.Type]reflect.Value{}
	for _, v := range []any{"ab12 c 3 def4", []byte("ab12 c 3 def4"), 2, func(s string) string { return "<" + s + ">" }} {
		args[reflect.TypeOf(v)] = reflect.ValueOf(v)
	}
	typ := reflect.TypeOf(lazy)
	for i := range typ.NumMethod() {
		m := reflect.ValueOf(lazy).Method(i)
		var in []reflect.Value
		for j := range m.Type().NumIn() {
			in = append(in, args[m.Type().In(j)])
		}
		got, want := m.Call(in), reflect.ValueOf(want).MethodByName(typ.Method(i).Name).Call(in)
		if diff := cmp.Diff(want[0].Interface(), got[0].Interface()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", typ.Method(i).Name, diff)
		}
	}
}

// An expression is not compiled before it is used, and in tests it is.
func TestLazy(t *testing.T) {
	if New(`a`).re == nil {
		t.Error("in a test New does not compile")
	}
	defer func(was bool) { inTest = was }(inTest)
	inTest = false
	r := New(`a(`)
	if r.re != nil {
		t.Error("New compiles")
	}
	defer func() {
		if recover() == nil {
			t.Error("a bad expression does not panic at its first use")
		}
	}()
	r.MatchString("")
}
