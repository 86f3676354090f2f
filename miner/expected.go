package miner

import (
	"strings"

	"lode/miner/command"
	"lode/session/lazyregexp"
)

// What agents say when a failure is what they want to see: before it, and
// after it.
var (
	announced = lazyregexp.New(`(?i)\b(?:should|will|must|to|would|expect(?:ed)?(?: it| this| them)?(?: to)?|supposed to) (?:currently |still |now )?(?:be )?(?:fail|red\b|error out|reproduce|break)` +
		`|\bexpect(?:ing|ed)? (?:a |the |this |it to )?(?:fail|error|red\b)|\bfailing test first|\bred phase|\bTDD\b|\bverify (?:that )?(?:it|the tests?|they) fails?\b|\bsee (?:it|them|the test) fail\b` +
		`|\bconfirm (?:that )?(?:it|the (?:test|bug|issue)) (?:fails|exists|reproduces)|\breproduc(?:e|es|ing|tion)\b`)
	confirmed = lazyregexp.New(`(?i)\bas expected\b|\bexpected(?:ly)? (?:fail|error)|\b(?:fails|failed|failing) (?:as|exactly as|for the right reason)|\bconfirm(?:s|ed) (?:the|that|our|my) (?:\w+ )?(?:issue|bug|problem|failure|behaviou?r|hypothesis|regression)` +
		`|\breproduce[sd]? (?:the|it|this)\b|\bsuccessfully reproduced|\b(?:issue|bug|problem) (?:is|was|has been) (?:confirmed|reproduced)|\bthe reproduction (?:script )?(?:works|confirms|shows|fails)|\bdemonstrates? the (?:issue|bug|problem)` +
		`|\bgood[,.!—-]+ (?:the |it |they |both |all )?(?:tests? )?(?:fail|red)`)
	worklist = lazyregexp.New(`(?i)\b(?:see|find|check|know|show|list|identify|tell)\b[^.\n]{0,40}\b(?:what|which|where|all|every|remaining|other)\b[^.\n]{0,40}\b(?:break|breaks|broke|broken|fail|fails|need|needs|callers?|references?|usages?|places|errors?|left|affected|updat\w+|compile)`)
)

// reproName matches scripts that are written to show a fault.
var reproName = lazyregexp.New(`(?i)(?:^|[-_/])(?:repro\w*|reproduc\w*|poc|mwe)[-_.\w]*$`)

// affirmed is how agents take note of a failure that their own probe was to show.
var affirmed = lazyregexp.New(`(?i)\b(?:this|that|which) is (?:correct|right|fine|expected|good)\b|\bworks (?:correctly|as intended)\b|^\W*(?:THOUGHT:\s*)?(?:Correct|Good|Great|Perfect)\b`)

// testsRed is what is said of a test that fails as it should.
var testsRed = lazyregexp.New(`(?i)\bas expected\b|\bexpected(?:ly)? (?:to )?fail|\bfor the right reason|\bconfirm(?:s|ed) (?:the|that the) (?:bug|issue)\b|\bgood[,.!—-]+ (?:the |it |they |both |all )?(?:tests? )?(?:fail|red)`)

// anticipated reports whether the failure of a line was meant: a reproduction,
// a test that is to fail first, a build that lists what is left to change, a
// probe over a list of things.
func anticipated(r *evidence, line *command.Line) bool {
	p := line.First(command.Test, command.Build, command.Lint, command.Script)
	if p == nil {
		return excusedProbe(line)
	}
	if p.Looped && !p.Decides {
		return true
	}
	own := p.Inline || ownTarget(p, r.made)
	repro := p.Role == command.Script && shows(p.Sub) && (own || r.made == nil)
	if r.around == nil || repro {
		return repro
	}
	before, after := r.around()
	before = lastSentences(before)
	switch p.Role {
	case command.Test:
		return testsRed.MatchString(after) ||
			own && (announced.MatchString(before) || confirmed.MatchString(after) || affirmed.MatchString(after[:min(len(after), 250)]))
	case command.Build:
		return worklist.MatchString(before) || testsRed.MatchString(after)
	case command.Lint:
		return testsRed.MatchString(after)
	}
	return own && (confirmed.MatchString(after) || announced.MatchString(before))
}

// ownTarget reports whether a program runs what the agent wrote in this session.
func ownTarget(p *command.Program, made map[string]bool) bool {
	if made[lastPart(p.Path)] || made[lastPart(p.Sub)] {
		return true
	}
	for _, a := range p.Args {
		file, _, _ := strings.Cut(a, "::")
		if made[lastPart(file)] {
			return true
		}
	}
	return false
}

// shows reports whether a script is named as a reproduction, or lies in a
// folder that is.
func shows(script string) bool {
	return script != "" && (reproName.MatchString(lastPart(script)) || reproName.MatchString(strings.TrimSuffix(script, "/"+lastPart(script))))
}

// excusedProbe reports whether a line without a program to judge by says
// itself what to print on failure: "… || echo none".
func excusedProbe(line *command.Line) bool {
	for i := range line.Programs {
		if line.Programs[i].Excused && i+1 < len(line.Programs) {
			return true
		}
	}
	return false
}

// lastSentences returns the end of what was said before a call: what came
// earlier is about earlier steps.
func lastSentences(s string) string {
	s = strings.TrimSpace(s)
	return s[max(0, len(s)-400):]
}
