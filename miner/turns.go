package miner

import (
	"strings"

	"lode/session"
	"lode/session/lazyregexp"
)

// intentOf tells what a human turn does. Strong marks first: the text of a
// rejection, a turn after an interrupt; then words, which count only at the
// start of a short turn, because long ones quote and describe.
func intentOf(s *session.Session, i int) session.Intent {
	e := &s.Events[i]
	if e.Act == session.Refusal {
		return session.RejectionReason
	}
	text := strings.TrimSpace(e.Text)
	head := strings.ReplaceAll(strings.ToLower(text[:min(len(text), 300)]), "’", "'")
	switch {
	case standing.MatchString(strings.ReplaceAll(head, "never mind", "")), standingElsewhere.MatchString(head):
		return session.StandingRule
	case !afterWork(s, i):
		return session.NewTask
	case (corrects.MatchString(head) || correctsElsewhere.MatchString(head)) && len(text) < 600:
		return session.Correction
	case (praises.MatchString(head) || praisesElsewhere.MatchString(head)) && len(text) < 80:
		return session.Praise
	case (answers1.MatchString(head) || answersElsewhere.MatchString(head)) && len(text) < 200:
		return session.Answer
	case strings.HasSuffix(text, "?"):
		return session.Question
	case interruptedBefore(s, i) && len(text) < 400 && against.MatchString(head):
		return session.Correction
	case len(text) < 25:
		return session.Other
	}
	return session.NewTask
}

var (
	standing = lazyregexp.New(`(?:^|[.!\n] *)(?:please )?(?:always|never|from now on|in (?:the )?future|going forward|remember(?: to| that|:))\b|\bdon'?t ever\b|\bevery time you\b`)
	corrects = lazyregexp.New(`(?m)^(?:[-*] )?(?:(?:ok(?:ay)?|yup|yes|yeah|and|so)[\s,.…]+)*(?:no\b|nope|wrong|that'?s (?:not|wrong)|this is (?:not|wrong|incorrect)|it'?s (?:not|still)|not (?:what|quite|like|that)|you (?:forgot|missed|didn'?t|did not|should(?:n'?t)?|broke|are wrong|still|don'?t need)` +
		`|stop\b|don'?t\b|do not\b|undo|revert|instead\b|wait\b|actually,? (?:no|let'?s|we|you|that|use|don'?t|i (?:want|need|meant))|but (?:that|this|it|you|the|not|why|isn'?t|still|i (?:thought|said|wanted))` +
		`|why (?:did|do|are|would) you|why (?:couldn'?t|didn'?t|isn'?t|aren'?t|don'?t) (?:we|you|it)|(?:but )?i (?:said|asked|meant|told|thought|don'?t (?:want|think|like|know what))|isn'?t (?:your|that|this|it)|we (?:don'?t|should(?:n'?t| not)|shouldn'?t|already)` +
		`|still (?:fail|broken|not|the same)|something is wrong|the (?:tests?|build|lint\w*|ci) (?:is|are|still)? ?(?:fail|broken|red))` +
		`|\b(?:tests?|lint|build|ci) (?:is|are) (?:failing|broken|red)\b|\byou (?:forgot|missed)\b|\bi (?:already )?told (?:you|u)\b|\bshould(?:n'?t| not) (?:be|have)\b|\b(?:is|are) (?:incorrect|wrong)\b|\bi wonder (?:though )?if (?:we|you)\b|(?m)^(?:critical|high|medium) severity$`)
	praises  = lazyregexp.New(`^(?:great|perfect|nice|wow|it works|thanks|thank you|awesome|excellent|well done|looks good|lgtm|good job|love it)\b`)
	against  = lazyregexp.New(`\b(?:no|not|don'?t|do not|stop|wait|instead|wrong|only|just|should(?:n'?t)?|you|first|use|undo|revert|never|why|without)\b`)
	answers1 = lazyregexp.New(`^(?:yes|yep|yeah|y$|ok\b|okay|sure|go ahead|do it|proceed|continue|sounds good|let'?s (?:do|go)|option \d|\d+[).]?$|(?:implement|fix|do) \d)`)
)

// afterWork reports whether the agent has done something since the last human
// turn, so that there is something to correct.
func afterWork(s *session.Session, i int) bool {
	for j := i - 1; j >= 0; j-- {
		switch e := &s.Events[j]; {
		case e.Kind == session.Call, e.Kind == session.Agent && e.Act == "":
			return true
		case e.Kind == session.User && e.Author == session.Human:
			return true // another turn of the same breath
		}
	}
	return false
}

// interruptedBefore reports whether the person stopped the agent just before.
func interruptedBefore(s *session.Session, i int) bool {
	for j := i - 1; j >= 0 && j >= i-3; j-- {
		if e := &s.Events[j]; e.Kind == session.Note && e.Act == session.Interrupt {
			return true
		}
	}
	return false
}
