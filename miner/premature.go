package miner

import (
	"strings"

	"lode/miner/command"
	"lode/session"
	"lode/session/lazyregexp"
)

const prematureKind = "premature-done"

// premature finds work that is called done and is not.
var premature = Detector{
	Name: prematureKind,
	Doc:  "a last word that claims success while the tests or the build are red, and a person who finds that what was called done does not work; not a report that names what still fails",
	Find: findPremature,
}

// The classes of work that is called done too early.
const (
	DoneWhileRed = "done-while-red"
	DoneButNot   = "done-but-not"
)

var (
	claims = lazyregexp.New(`(?i)\ball (?:the |\d+ )?(?:tests?|checks?)(?: now| are| have)? pass(?:es|ed|ing)?\b|\b(?:is|are|it's|now|all) (?:now )?(?:complete|done|finished|fixed|working|green)\b|\bsuccessfully (?:implemented|fixed|completed|added|updated)\b|\beverything (?:works|passes|is (?:green|done))\b|^\W*(?:done|fixed|shipped|complete[d]?|all (?:set|done))\b|✅`)
	admits = lazyregexp.New(`(?i)\b(?:still|remain\w*|pre-?existing|unrelated|except|unable|blocked|skipped|flak\w+|only failure|not (?:yet|verified|tested|run|able)|could(?:n't| not)|can(?:'t|not)|fail(?:s|ed|ing|ures?)?)\b`)
	broken = lazyregexp.New(`(?i)\bstill\b.{0,30}\b(?:(?:not|n[o']?t|isn'?t|does ?n'?t|did ?n'?t) (?:\w+ )?work\w*|fail\w*|broken|crash\w*)\b|\b(?:does ?n[o']?t|is ?n[o']?t|are ?n[o']?t|not) (?:\w+ )?(?:work(?:ing)?|fixed|shown|displayed|appearing|responding)\b|\b(?:a|new) regression\b.{0,30}\b(?:in|introduced|that)\b|\b(?:crash(?:es|ed|ing)|broke)\b`)
	past   = lazyregexp.New(`(?i)\b(?:still|again|regression|any ?more|as expected|you (?:said|told|claimed))\b`)
	other  = lazyregexp.New(`(?i)\b(?:unrelated|before|if|when|would|could|test)\b`) // not of what was just called done
)

func findPremature(v *View, emit func(Signal)) {
	red := make(map[command.Role]string) // what is red since its last run, with its name
	said := -1                           // the agent's last words
	last := func() string {              // what they call done
		if said < 0 {
			return ""
		}
		return claim(v.Events[said].Text)
	}
	end := func() {
		role, check := worst(red)
		if check == "" || said < 0 || admits.MatchString(v.Events[said].Text) {
			return
		}
		if done := last(); done != "" {
			emit(Signal{Kind: prematureKind, Key: DoneWhileRed, Class: DoneWhileRed, Subject: check, Role: string(role), Event: &v.Events[said], Line: done, Cost: Cost{Calls: 1}})
		}
	}
	first := true
	for i := range v.Events {
		e := &v.Events[i]
		switch {
		case e.Kind == session.Agent && e.Act == "":
			said = i
		case e.Kind == session.Call:
			said = -1 // work goes on
		case e.Kind == session.Result:
			p := checks(v, e)
			switch {
			case p == nil, e.Class == MissingTool, e.Class == UsageError, v.stoppedBy(e).by != nil:
			case e.Outcome == session.Failed && p.Role != command.Lint: // linters are red for warnings, too
				red[p.Role] = strings.TrimSuffix(general(p), " <path>")
			case e.Outcome == session.OK && p.Role != command.Lint:
				clear(red) // what tests does compile
			}
		case e.Kind == session.User && e.Author == session.Human:
			end()
			if s := reported(e.Text, first); s != "" && (first || last() != "") {
				emit(Signal{Kind: prematureKind, Key: DoneButNot, Class: DoneButNot, Event: e, Line: s, Cost: Cost{Calls: 1}})
			}
			first, said = false, -1
			clear(red) // known to the person
		}
	}
	end()
}

// claim returns the sentence of the agent's that calls the work done.
func claim(text string) string {
	for _, s := range sentences(text) {
		if claims.MatchString(s) {
			return s
		}
	}
	return ""
}

// reported returns the sentence of a person that says of earlier work that it
// does not work. At the beginning of a session it must say that there was
// earlier work.
func reported(text string, first bool) string {
	for _, s := range sentences(text[:min(len(text), maxSpoken)]) {
		if broken.MatchString(s) && !other.MatchString(s) && !strings.HasSuffix(s, "?") && (!first || past.MatchString(s)) {
			return s
		}
	}
	return ""
}

// worst returns what is red, tests first.
func worst(red map[command.Role]string) (command.Role, string) {
	for _, role := range []command.Role{command.Test, command.Build} {
		if check := red[role]; check != "" {
			return role, check
		}
	}
	return "", ""
}
