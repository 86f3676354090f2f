// Package query is the language of searches: it reads a query into a tree and
// prints a tree as a query.
//
//	flaky checkout             both words; parts of identifiers and word forms count
//	"no module named"          exactly these words in a row
//	deploy*                    words that begin so
//	a OR b, NOT a, -a, (…)     AND stands between words anyway; -a is NOT a
//	failed:yes tool:Bash,Edit  a field has one of the values; see Fields
//	since:30d until:2026-11-01 on:yesterday
//	/time.?out/                a regular expression over whole texts, outputs too
//	lit:"f(x, 1)"              exactly these characters, in whole texts
//
// Nothing is guessed: what cannot be read is an Error with its place. The
// package knows the form of a query only; package index says what it finds.
package query

import (
	"strings"
)

// Node is a part of a query: And, Or, Not, Text, Field, Time, Literal or Regexp.
// Parse makes trees in a normal form: an And or Or has two or more parts, none
// of its own kind.
type Node interface {
	// print writes the node so that it stands as an operand of what has the
	// given rank.
	print(b *strings.Builder, rank int)
}

// And wants all of its nodes, Or one of them.
type (
	And []Node
	Or  []Node
)

// Not wants what its node does not find.
type Not struct{ Node Node }

// Text is a word as it was typed, or a phrase in quotes. Prefix is a word that
// stands for all that begin so.
type Text struct {
	Text   string
	Quoted bool // exactly so, in this order
	Prefix bool // never quoted
}

// Field wants one of some values in a field of the table Fields.
type Field struct {
	Name   string
	Values []Text
}

// Time wants what happened in a span: Name is since, until or on. Span says
// which moments that are.
type Time struct{ Name, Text string }

// Literal wants these very characters anywhere in the whole text of an event.
type Literal struct{ Text string }

// Regexp wants a match of a regular expression (RE2) in the whole text.
type Regexp struct{ Expr string }

// Print writes a query so that Parse reads the same tree back.
func Print(n Node) string {
	var b strings.Builder
	n.print(&b, 0)
	return b.String()
}

// Join wants all of some nodes, in normal form.
func Join(nodes ...Node) Node {
	var all And
	for _, n := range nodes {
		if more, ok := n.(And); ok {
			all = append(all, more...)
		} else {
			all = append(all, n)
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	return all
}

// Ranks of operators: one that binds tighter has a higher rank.
const (
	rankOr = iota + 1
	rankAnd
	rankNot
)

func (n And) print(b *strings.Builder, rank int) { join(b, n, " AND ", rankAnd, rank) }
func (n Or) print(b *strings.Builder, rank int)  { join(b, n, " OR ", rankOr, rank) }

func join(b *strings.Builder, nodes []Node, op string, own, rank int) {
	if rank >= own {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	for i, n := range nodes {
		if i > 0 {
			b.WriteString(op)
		}
		n.print(b, own)
	}
}

func (n Not) print(b *strings.Builder, _ int) {
	b.WriteString("NOT ")
	n.Node.print(b, rankNot)
}

func (n Text) print(b *strings.Builder, _ int) {
	switch {
	case n.Prefix:
		b.WriteString(n.Text + "*")
	case n.Quoted || !bare(n):
		quote(b, n.Text)
	default:
		b.WriteString(n.Text)
	}
}

func (n Field) print(b *strings.Builder, _ int) {
	b.WriteString(n.Name)
	for i, v := range n.Values {
		b.WriteByte(":,"[min(i, 1)])
		if !v.Prefix && (v.Quoted || !bareValue(v)) {
			quote(b, v.Text)
			continue
		}
		b.WriteString(v.Text)
		if v.Prefix {
			b.WriteByte('*')
		}
	}
}

func (n Time) print(b *strings.Builder, _ int) { b.WriteString(n.Name + ":" + n.Text) }

func (n Literal) print(b *strings.Builder, _ int) {
	b.WriteString("lit:")
	quote(b, n.Text)
}

func (n Regexp) print(b *strings.Builder, _ int) {
	b.WriteByte('/')
	for i := 0; i < len(n.Expr); i++ {
		switch c := n.Expr[i]; {
		case c == '\\' && i+1 < len(n.Expr):
			b.WriteString(n.Expr[i : i+2])
			i++
		case c == '/':
			b.WriteString(`\/`)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('/')
}

// quote writes a text in quotes; only quotes and backslashes are escaped.
func quote(b *strings.Builder, s string) {
	b.WriteByte('"')
	b.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s))
	b.WriteByte('"')
}

// bare reports whether a text without quotes is read as the word that it is.
func bare(n Text) bool {
	got, err := Parse(n.Text)
	return err == nil && got == Node(n)
}

func bareValue(v Text) bool {
	p := parser{text: v.Text}
	got, err := p.value()
	return err == nil && got == v && p.at == len(p.text)
}

// Walk calls a function for each node of a tree, a parent before its children,
// and says for each whether it stands below a Not.
func Walk(n Node, do func(n Node, negated bool)) { walk(n, false, do) }

func walk(n Node, negated bool, do func(Node, bool)) {
	do(n, negated)
	switch n := n.(type) {
	case And:
		for _, c := range n {
			walk(c, negated, do)
		}
	case Or:
		for _, c := range n {
			walk(c, negated, do)
		}
	case Not:
		walk(n.Node, !negated, do)
	}
}
