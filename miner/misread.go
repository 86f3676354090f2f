package miner

import (
	"slices"
	"strings"

	"lode/miner/command"
	"lode/session"
)

const misreadKind = "misread-option"

// misread finds calls that succeed with an option that means something else to
// this program than to the one the agent has it from: no outcome shows them, and
// what they print misleads.
var misread = Detector{
	Name: misreadKind,
	Doc:  "options that mean something else than they are used for, so that a call succeeds and misleads: rg -rn",
	Find: findMisread,
}

// ReplacingSearch is the class of calls of ripgrep with grep's -r: it is
// recursive anyhow, and its -r replaces what it prints.
const ReplacingSearch = "replacing-search"

func findMisread(v *View, emit func(Signal)) {
	for k, i := range v.Results {
		e := &v.Events[i]
		if e.Action() != session.Shell || e.Outcome == session.Rejected || e.Outcome == session.Denied {
			continue
		}
		line := v.Line(e)
		for j := range line.Programs {
			option := replacing(&line.Programs[j])
			if option == "" {
				continue
			}
			s := Signal{Kind: misreadKind, Key: misreadKind + "\x00" + ReplacingSearch, Class: ReplacingSearch, Subject: "rg " + option, Cost: v.costOf(k)}
			s.Event, s.Line = asked(e)
			emit(s)
			break
		}
	}
}

// grepLetters are options of grep that agents write behind -r.
const grepLetters = "cEFhHilnoPsvwI"

// replacing returns the option by which a call of ripgrep replaces what it
// prints by the letters of other options, as -rn does by n; "" where no line is
// printed.
func replacing(p *command.Program) string {
	if p.Name != "rg" || slices.ContainsFunc([]string{"-l", "--files-with-matches", "-c", "--count", "-q", "--quiet", "--files"}, p.HasArg) {
		return ""
	}
	for _, a := range p.Args {
		if a == "--" {
			return ""
		}
		flags, text, ok := strings.Cut(a, "r")
		if ok && text != "" && strings.HasPrefix(flags, "-") && strings.Trim(flags[1:], grepLetters) == "" && strings.Trim(text, grepLetters) == "" {
			return a
		}
	}
	return ""
}
