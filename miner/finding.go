package miner

import (
	"path"
	"strings"

	"lode/miner/command"
	"lode/session"
	"lode/session/lazyregexp"
)

// finding finds the rules of linters and formatters that are broken again and
// again, in what checks print, in logs of CI, and in what people paste.
var finding = Detector{
	Name: findingKind,
	Doc:  "a linter's or formatter's finding that keeps coming back; counted once until a check no longer has it",
	Find: findFindings,
}

const findingKind = "finding"

// Unformatted is the entity of findings of formatters, whose remedy is a command.
const Unformatted = "formatting"

// A reporter recognises lines in which a checker names the rule that is broken.
// Only names of a rule's usual shape are taken from the line.
type reporter struct {
	hint string             // a substring that must be there before the expression is tried
	re   *lazyregexp.Regexp // the groups "tool" and "rule"; either may be empty
	tool string             // where there is no such group
}

var reporters = []reporter{
	{hint: ".go:", re: lazyregexp.New(`\S\.go:\d+(?::\d+)?:? (?:(?P<rule>[A-Za-z][\w-]{2,30})(?:\([^)]*\))?: )?.* \((?P<tool>[a-z][a-z0-9_-]{2,25})\)$`)},
	{hint: ".py:", re: lazyregexp.New(`\S\.pyi?:\d+:\d+: (?P<rule>[A-Z]{1,4}\d{2,4}):? `), tool: "style"},
	{hint: "error: ", re: lazyregexp.New(`\S\.pyi?:\d+(?::\d+)?: error: .*\[(?P<rule>[a-z]+(?:-[a-z]+)*)\]$`), tool: "mypy"},
	{hint: "[", re: lazyregexp.New(`^(?P<rule>[A-Z]{1,4}\d{3,4}) (?:\[\*\] )?[A-Z\x60]`), tool: "style"},
	{hint: "  ", re: lazyregexp.New(`^\s+\d+:\d+\s+(?:error|warning)\s+\S.*\s{2,}(?P<rule>@?[a-z][\w-]*(?:/[\w-]+)*)$`), tool: "eslint"},
	{hint: "clippy::", re: lazyregexp.New(`clippy::(?P<rule>[a-z_]{3,40})\b`), tool: "clippy"},
	{hint: "SC", re: lazyregexp.New(`\b(?P<rule>SC[12]\d{3})\b`), tool: "shellcheck"},
	{hint: ".rb:", re: lazyregexp.New(`\S\.rb:\d+:\d+: [CWEF]: (?:\[[^\]]+\] )?(?P<rule>[A-Z]\w+/\w+): `), tool: "rubocop"},
	{hint: ".md:", re: lazyregexp.New(`\S\.md:\d+(?::\d+)? (?P<rule>MD\d{3})\b`), tool: "markdownlint"},
	{hint: "lint/", re: lazyregexp.New(`\blint/(?P<rule>[a-z]\w+/[a-z]\w+)\b`), tool: "biome"},
}

var unformatted = lazyregexp.New(`(?i)\bfiles? (?:that )?needs? (?:to be )?(?:re)?format|^would reformat |code style issues (?:found )?in|\bnot (?:properly )?formatted\b|^Diff in \S+\.rs\b`)

// subRules are the checkers whose rules are many and named in the message.
var subRules = map[string]bool{"staticcheck": true, "stylecheck": true, "gosimple": true, "gosec": true, "gocritic": true, "revive": true, "govet": true, "testifylint": true}

// formatters as golangci-lint names them.
var formatters = map[string]bool{"gofmt": true, "gofumpt": true, "goimports": true, "gci": true, "golines": true}

// found is a broken rule.
type found struct {
	tool, rule string
	line       string
}

func (f *found) name() string {
	switch {
	case f.rule == "":
		return f.tool
	case f.tool == "clippy" || f.tool == "rubocop":
		return f.tool + " " + f.rule
	}
	return f.rule
}

// foundIn lists the rules that a text reports as broken, each once.
func foundIn(text string) []found {
	var out []found
	seen := make(map[string]bool)
	add := func(f found) {
		if !seen[f.name()] {
			seen[f.name()] = true
			out = append(out, f)
		}
	}
	var hints []*reporter
	for i := range reporters {
		if strings.Contains(text, reporters[i].hint) {
			hints = append(hints, &reporters[i])
		}
	}
	mayFormat := strings.Contains(text, "ormat") || strings.Contains(text, "tyle") || strings.Contains(text, "Diff in")
	if len(hints) == 0 && !mayFormat {
		return nil
	}
	for line := range strings.Lines(ends(text)) {
		line = strings.TrimRight(cut(line), " \t\r\n")
		for _, r := range hints {
			if !strings.Contains(line, r.hint) {
				continue
			}
			if f, ok := r.read(line); ok {
				add(f)
				break
			}
		}
		if mayFormat && unformatted.MatchString(line) {
			add(found{tool: Unformatted, line: line})
		}
	}
	return out
}

func (r *reporter) read(line string) (found, bool) {
	m := r.re.FindStringSubmatch(line)
	if m == nil {
		return found{}, false
	}
	f := found{tool: r.tool, line: line}
	if i := r.re.SubexpIndex("rule"); i > 0 {
		f.rule = m[i]
	}
	if i := r.re.SubexpIndex("tool"); i > 0 {
		f.tool = m[i]
		switch {
		case formatters[f.tool]:
			f.tool, f.rule = Unformatted, ""
		case f.tool == "typecheck": // the compiler's
			return found{}, false
		case !subRules[f.tool]:
			f.rule = ""
		}
	}
	return f, true
}

func findFindings(v *View, emit func(Signal)) {
	open := make(map[string]bool) // findings of the last check
	next := 0
	for i := range v.Events {
		e := &v.Events[i]
		k := next
		switch {
		case e.Kind == session.Result:
			next++
			p := checks(v, e)
			if p == nil {
				continue
			}
			all := foundIn(e.Text)
			now := make(map[string]bool, len(all))
			for _, f := range all {
				now[f.name()] = true
				if !open[f.name()] {
					s := f.signal(e)
					s.Subject, s.Role = general(p), string(p.Role)
					s.Cost = v.costOf(k)
					if at := v.greenAgain(k, &f, s.Subject); at > 0 {
						s.Cost = v.costOfChecks(k, at)
						s.Fix = v.formatted(k, at, &f)
					}
					emit(s)
				}
			}
			open = now
		case e.Kind == session.User && e.Author == session.Human:
			for _, f := range foundIn(e.Text) {
				if !open[f.name()] {
					open[f.name()] = true
					emit(f.signal(e))
				}
			}
		}
	}
}

func (f *found) signal(e *session.Event) Signal {
	return Signal{Kind: findingKind, Key: "finding\x00" + f.name(), Event: e, Class: LintFinding, Entity: f.name(), Template: Mask(f.line), Line: strings.TrimSpace(f.line), Cost: Cost{Calls: 1}}
}

// checks returns the program of a result that can report findings: a check, or
// a look at what a check said elsewhere.
func checks(v *View, e *session.Event) *command.Program {
	if e.Action() != session.Shell || e.Outcome == session.Denied || e.Outcome == session.Rejected {
		return nil
	}
	line := v.Line(e)
	p := line.First(command.Lint, command.Build, command.Test)
	for i := range line.Programs { // a formatter before the check changes files and finds nothing
		if q := &line.Programs[i]; q.Role == command.Lint && !formats.MatchString(general(q)) {
			p = q
		}
	}
	if p != nil && !onScratch(v, p) {
		return p
	}
	if p := line.First(command.Network); p != nil && (strings.HasPrefix(p.Sub, "run ") || strings.HasPrefix(p.Sub, "pr checks")) {
		return p
	}
	return nil
}

// onScratch reports whether a check was only given files that the agent had
// made at the top of the project or outside it, as for a reproduction.
func onScratch(v *View, p *command.Program) bool {
	files := 0
	for _, a := range operands(p) {
		if path.Ext(a) == "" {
			continue
		}
		files++
		rel := relative(a, v.Cwd)
		if strings.Contains(rel, "/") && !strings.HasPrefix(rel, "/") || !madeHere(v, rel) {
			return false
		}
	}
	return files > 0
}

// costOfChecks is what the checks from the k-th result to another cost: the
// work between them was to be done anyway.
func (v *View) costOfChecks(k, at int) Cost {
	var c Cost
	for j := k; j < at; j++ {
		if checks(v, &v.Events[v.Results[j]]) != nil {
			c.add(v.costOf(j))
		}
	}
	return c
}

// greenAgain returns the number of the result in which the same check no
// longer has a finding, or 0.
func (v *View) greenAgain(k int, f *found, check string) int {
	for j := k + 1; j < len(v.Results) && j <= k+3*cureWithin; j++ {
		e := &v.Events[v.Results[j]]
		p := checks(v, e)
		if p == nil || general(p) != check {
			continue
		}
		still := false
		for _, g := range foundIn(e.Text) {
			still = still || g.name() == f.name()
		}
		if !still {
			return j
		}
	}
	return 0
}

var formats = lazyregexp.New(`(?:^|[-_:. /])(?:fmt|format|gofmt|gofumpt|goimports|prettier|black|rustfmt|isort)(?:$|[-_:. ])`)

// withFlags is general with the flags, which tell whether a formatter writes.
func withFlags(p *command.Program) string {
	base, path := strings.CutSuffix(general(p), " <path>")
	for _, a := range p.Args {
		if strings.HasPrefix(a, "-") && len(a) < 20 {
			base += " " + a
		}
	}
	if path {
		base += " <path>"
	}
	return oneLine(base)
}

// formatted returns the formatter that ran before a check was green again.
func (v *View) formatted(k, at int, f *found) *Fix {
	if f.tool != Unformatted {
		return nil
	}
	for j := k + 1; j <= at; j++ {
		e := &v.Events[v.Results[j]]
		if e.Action() != session.Shell || e.Outcome != session.OK {
			continue
		}
		line := v.Line(e)
		for i := range line.Programs {
			if p := &line.Programs[i]; p.Role == command.Lint && formats.MatchString(general(p)) {
				return &Fix{Command: withFlags(p), Example: oneLine(p.Raw), event: e}
			}
		}
	}
	return nil
}
