package miner

import (
	"path"
	"slices"
	"strings"

	"lode/miner/command"
	"lode/session"
)

// Fix is what worked after a failure: another command for the same purpose, or
// the right path.
type Fix struct {
	Command   string         `json:"command"`              // generalised, as "bin/test <path>"; or the path
	InsteadOf string         `json:"instead_of,omitempty"` // what failed, generalised in the same way
	Example   string         `json:"example,omitempty"`    // one call as it was made
	Ref       string         `json:"ref,omitempty"`        // where that call succeeded
	Sessions  int            `json:"sessions"`             // root sessions in which it worked
	event     *session.Event // of the success
}

// fixBy describes how a program replaced another. Where both are general the
// same, the words that differ tell; too many of them tell nothing, and words
// that were only added tell something where the call was wrong.
func fixBy(q, p *command.Program, e, failed *session.Event) *Fix {
	fix := &Fix{Command: general(q), InsteadOf: general(p), Example: oneLine(q.Raw), event: e}
	if env := without(q.Env, p.Env); len(env) > 0 && len(env) <= maxVariation {
		fix.Command = oneLine(strings.Join(append(env, fix.Command), " "))
	}
	if fix.Command != fix.InsteadOf {
		return fix
	}
	was, is := strings.Fields(p.Raw), strings.Fields(q.Raw)
	removed, added := without(was, is), without(is, was)
	if len(removed) == 0 && (failed.Class != UsageError || len(added) == 0) || len(removed) > maxVariation || len(added) > maxVariation {
		return nil
	}
	base := strings.TrimSuffix(fix.Command, " <path>")
	fix.Command = oneLine(strings.Join(append([]string{base}, added...), " "))
	fix.InsteadOf = oneLine(strings.Join(append([]string{base}, removed...), " "))
	return fix
}

// maxVariation is how many words may differ between a call and its variant.
const maxVariation = 2

// without returns the words of a that b does not have.
func without(a, b []string) []string {
	var out []string
	for _, w := range a {
		if !slices.Contains(b, w) {
			out = append(out, w)
		}
	}
	return out
}

// cureWithin is how many calls after a failure its cure is looked for. Beyond,
// what succeeds is rarely about the same thing.
const cureWithin = 12

// cure looks for the call after the k-th result that did what that one failed
// to do, and returns it with its number.
func cure(v *View, k int, p *command.Program) (*Fix, int) {
	if p == nil {
		return nil, 0
	}
	failed := &v.Events[v.Results[k]]
	for j := k + 1; j < len(v.Results) && j <= k+cureWithin; j++ {
		e := &v.Events[v.Results[j]]
		if e.Action() != session.Shell || !worked(e, failed) {
			continue
		}
		line := v.Line(e)
		for i := range line.Programs {
			if q := &line.Programs[i]; replaces(q, p, failed) {
				if fix := fixBy(q, p, e, failed); fix != nil {
					return fix, j
				}
			}
		}
	}
	return nil, 0
}

// byShell looks for the command that did what a search tool failed to do.
func byShell(v *View, k int) (*Fix, int) {
	failed := &v.Events[v.Results[k]]
	if failed.Action() != session.Search {
		return nil, 0
	}
	tool, _ := failed.Subject()
	for j := k + 1; j < len(v.Results) && j <= k+cureWithin; j++ {
		e := &v.Events[v.Results[j]]
		if e.Action() != session.Shell || e.Outcome != session.OK {
			continue
		}
		if p := v.Line(e).First(command.Search); p != nil && p.Name != "find" {
			return &Fix{Command: p.Path, InsteadOf: tool, Example: oneLine(p.Raw), event: e}, j
		}
	}
	return nil, 0
}

// worked reports whether a call got further than the failure: it succeeded, or
// ran what had been missing and found something in it.
func worked(e, failed *session.Event) bool {
	if e.Outcome == session.OK {
		return true
	}
	missing := failed.Class == MissingTool || failed.Class == MissingModule || failed.Class == UsageError
	return missing && e.Outcome == session.Failed && e.Class == TestFailure && e.Fingerprint != failed.Fingerprint
}

// replaces reports whether a successful program did what another failed to do.
func replaces(q, p *command.Program, failed *session.Event) bool {
	switch q.Role {
	case command.Shell, command.Print, command.List, command.Predicate:
		return false
	}
	if sameWords(q, p) {
		return false // the same again: something else was changed
	}
	if q.Role == command.Package && p.Role != command.Package {
		return failed.Entity != "" && slices.Contains(q.Args, failed.Entity)
	}
	if same := q.Name == p.Name && q.Path == p.Path; same {
		if at := endpoint(p); at != "" {
			to := endpoint(q)
			return to != at && to != "" && (path.Base(to) == path.Base(at) || strings.HasPrefix(to, path.Dir(at)))
		}
		switch failed.Class {
		case MissingTool, MissingModule:
			return general(q) != general(p) && !slices.Contains(q.Args, failed.Entity) && q.Sub != failed.Entity
		case UsageError, ShellSyntax, OtherFailure, APIFailure, VCSError, NetworkError:
			return q.Sub == p.Sub && overlap(q.Args, p.Args) >= variantOverlap || failed.Entity == p.Sub && overlap(q.Args, p.Args) > 0
		}
		return false
	}
	if failed.Class != MissingTool && failed.Class != MissingModule && failed.Class != UsageError {
		return false
	}
	if alias := failed.Class == MissingTool && q.Name == p.Name && strings.HasPrefix(failed.Entity, p.Path); alias || failed.Entity != "" && (q.Name == failed.Entity || q.Sub == failed.Entity) {
		return q.Path != p.Path || !slices.Equal(q.Via, p.Via) // the same tool by another way
	}
	if q.Role == p.Role && purposeful(p.Role) {
		return true
	}
	return purposeful(q.Role) && (q.Role == command.Test || q.Role == command.Script) && sharesOperand(q, p)
}

// variantOverlap is how much of the arguments a variant of a call keeps.
const variantOverlap = 0.4

// purposeful reports whether programs of a role can stand in for each other.
func purposeful(r command.Role) bool {
	return r == command.Test || r == command.Lint || r == command.Build || r == command.Script || r == command.Package
}

func sameWords(a, b *command.Program) bool {
	return a.Path == b.Path && slices.Equal(a.Args, b.Args) && slices.Equal(a.Via, b.Via) && slices.Equal(a.Env, b.Env) && a.Raw == b.Raw
}

// overlap is the share of common words of two lists.
func overlap(a, b []string) float64 {
	if len(a) == 0 && len(b) == 0 {
		return 1
	}
	common := 0
	for _, x := range a {
		if slices.Contains(b, x) {
			common++
		}
	}
	return float64(common) / float64(len(a)+len(b)-common)
}

// sharesOperand reports whether two programs were given the same file.
func sharesOperand(a, b *command.Program) bool {
	for _, x := range operands(a) {
		if strings.ContainsAny(x, "/.") && len(x) > 3 && slices.Contains(b.Args, x) {
			return true
		}
	}
	return false
}

// general writes a command without what changes from call to call: the program
// with the wrappers that choose it, its subcommand, and a placeholder for paths.
func general(p *command.Program) string {
	var words []string
	for _, v := range p.Via {
		switch name, _, _ := strings.Cut(v, " "); name {
		case "timeout", "gtimeout", "time", "exec", "env", "nice", "nohup", "stdbuf", "builtin", "command", "xargs":
		default:
			words = append(words, v)
		}
	}
	words = append(words, strings.TrimPrefix(p.Path, "./"))
	if p.Name == "python" && p.HasArg("-m") {
		words = append(words, "-m")
	}
	first, _, _ := strings.Cut(p.Sub, " ")
	if p.Sub != "" {
		if i := slices.Index(p.Args, "run"); i >= 0 && slices.Index(p.Args, p.Sub) == i+1 {
			words = append(words, "run")
		}
		words = append(words, p.Sub)
	}
	if at := endpoint(p); at != "" {
		return oneLine(strings.Join(append(words, at), " "))
	}
	if p.Sub == "" && len(p.Args) > 0 && takesVerb(p) {
		words = append(words, p.Args[0])
		first = p.Args[0]
	}
	placeholder := ""
	for _, a := range p.Args {
		switch {
		case a == first || a == "run" || a == "" || strings.HasSuffix(p.Sub, " "+a):
		case strings.HasPrefix(a, "-"):
		case strings.ContainsAny(a, "/.") && !strings.Contains(a, " "):
			placeholder = "<path>"
		case placeholder == "":
			placeholder = "…"
		}
	}
	if p.Role == command.Package {
		for _, a := range operands(p) {
			if a != first && a != p.Sub {
				words = append(words, a) // what is installed is the point
			}
		}
	} else if placeholder == "<path>" {
		words = append(words, placeholder)
	}
	return oneLine(strings.Join(words, " "))
}

// endpoint is the address that gh api or glab api is given, without what
// changes from call to call.
func endpoint(p *command.Program) string {
	if p.Name != "gh" && p.Name != "glab" || p.Sub != "api" {
		return ""
	}
	for _, a := range operands(p) {
		if a != "api" && strings.Contains(a, "/") && !strings.ContainsAny(a, " \n") {
			a, _, _ = strings.Cut(strings.TrimPrefix(a, "/"), "?")
			parts := strings.Split(a, "/")
			for i, part := range parts {
				if strings.Trim(part, "0123456789") == "" || strings.HasPrefix(part, "$") || part == "" {
					parts[i] = "<n>"
				}
			}
			return strings.Join(parts, "/")
		}
	}
	return ""
}

// takesVerb reports whether a program's first word looks like a subcommand:
// golangci-lint run, ruff check. Tools for files take names there.
func takesVerb(p *command.Program) bool {
	switch p.Role {
	case command.Lint, command.Build, command.Other, command.Package:
	default:
		return false
	}
	return !fileTools[p.Name] && strings.Trim(p.Args[0], "abcdefghijklmnopqrstuvwxyz-") == "" && !strings.HasPrefix(p.Args[0], "-") && p.Args[0] != ""
}

var fileTools = map[string]bool{"rm": true, "mkdir": true, "cp": true, "mv": true, "touch": true, "chmod": true, "chown": true, "ln": true,
	"kill": true, "pkill": true, "killall": true, "sed": true, "sqlite3": true, "psql": true, "mysql": true, "open": true, "code": true,
	"tar": true, "zip": true, "unzip": true, "patch": true, "make": true, "xdg-open": true, "dd": true, "install": true, "rmdir": true}

// oneLine makes a command fit to show in a line: cut, without line breaks.
func oneLine(s string) string { return session.Quote(s, 120) }
