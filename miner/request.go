package miner

import (
	"strings"

	"lode/session"
	"lode/session/lazyregexp"
)

const requestKind = "request"

// request finds what people ask for again and again after the agent's work:
// what it should have done, or left, by itself.
var request = Detector{
	Name: requestKind,
	Doc:  "the same wish of a person after the agent's work, by topic; not the task itself, nor pasted text",
	Find: findRequests,
}

// A Topic is something that people tell agents everywhere. Languages other
// than English are added as further expressions.
type Topic struct {
	Name  string // in keys, entities and the wording of rules
	Title string
	says  []*lazyregexp.Regexp
	not   *lazyregexp.Regexp // a sentence about something else
}

func topic(name, title string, says ...string) Topic {
	t := Topic{Name: name, Title: title}
	for _, re := range says {
		t.says = append(t.says, lazyregexp.New(`(?i)`+re))
	}
	return t
}

func (t Topic) butNot(re string) Topic {
	t.not = lazyregexp.New(`(?i)` + re)
	return t
}

// Topics lists what is listened for. A sentence counts for the first topic
// that it speaks of.
var Topics = []Topic{
	topic("test-quality", "tests that prove nothing have to be weeded out",
		`\btests?\b.*\b(?:really|just|actually|only)\b.{0,20}\btest(?:s|ing)\b`, `\btest(?:s|ing)?\b.{0,60}\b(?:useful|useless|pointless|redundant|duplicat\w*|standard librar\w+|core functionality|trivial)\b`,
		`\b(?:useful|useless|pointless|redundant|duplicat\w*)\b.{0,40}\btest(?:s|ing)?\b`),
	topic("test-first", "a failing test first has to be asked for",
		`\btests? first\b`, `\bTDD\b`, `\bfailing test\b`, `\btests?\b.{0,40}\bshould fail\b`, `\bfirst\b.{0,40}\b(?:write|craft|add|set ?up)\b.{0,30}\btests?\b`, `\btests?\b.{0,30}\breproduc\w+`),
	topic("tests", "tests have to be asked for after the change",
		`\b(?:add|write|writ\w+|need|want|include|missing|without|no|any|some|new|more|specific|leave)\b.{0,40}\btests?\b`, `\btests? (?:for|too|as well|as you go|as we go)\b`, `\b(?:did|do|have) (?:we|you)\b.{0,40}\btests?\b`, `\btest coverage\b`, `\bsome tests\b`, `^(?:uh+\W*|so\W*|and\W*)?(?:the )?(?:unit )?tests?\?`).
		butNot(`\bfail\w*|\bpass\w*|\brun\b|\bre-?run\b|\bbroken?\b|\bred\b|\bflak\w+`),
	topic("duplication", "new code duplicates what is there",
		`(?-i:\bDRY\b)`, `\bduplicat\w*\b`, `\bre-?us(?:e|ing)\b`, `\bcopy\W{0,3}past\w*`, `\breinvent\w*`, `\b(?:already|existing)\b.{0,30}\b(?:helpers?|functions?|methods?|utils?|utilit\w+|logic|functionality|librar\w+|constants?)\b`, `\b(?:should|could|can) (?:we|you)\b.{0,30}\busing the\b`, `\bwe have (?:this|that|the same)\b.{0,40}\b(?:somewhere|already|both|elsewhere)\b`, `\breplicating\b`),
	topic("amend", "commits are amended that should not be", `\bamend(?:s|ed|ing)?\b`),
	topic("message-only", "a commit message was wanted, not a commit", `\b(?:just|only)\b.{0,30}\bcommit message\b`, `\b(?:write|give|tell|suggest)\b.{0,30}\bcommit message\b`),
	topic("uncommitted-plans", "plans and notes are committed that should not be",
		`\b(?:don'?t|do not|not|no need to|never)\b.{0,20}\b(?:check|commit)\b.{0,40}\b(?:plans?|docs?|documents?|design|notes?|specs?|this in|that in|it in)\b`, `\bkeep (?:it|this|them|that|the plan) local\b`, `\b(?:plans?|notes?)\b.{0,40}\b(?:gitignore\w*|linear|issue|ticket|not (?:be )?commit\w*)\b`, `\b(?:gitignore\w*|linear|issue|ticket)\b.{0,30}\bfor the plan\b`),
	topic("unasked-commit", "the agent commits or pushes unasked",
		`\b(?:don'?t|do not|never|stop|no need to|without)\b (?:\w+ ){0,2}(?:commit|push)(?:ing)?\b`, `\b(?:did ?n[o']t|did not|not) (?:say|ask|tell)\b.{0,30}\b(?:commit|push)\w*`, `\bwhy did you (?:\w+ )?(?:commit|push)\b`),
	topic("small-commits", "small meaningful commits have to be asked for",
		`\b(?:meaningful|small(?:er)?|separate|atomic|incremental|logical|individual)\b.{0,12}\bcommits?\b`, `\bcommit(?:s|ting)? (?:as you go|on the go|in between|regularly|often|meaningful\w*|separately|each)\b`),
	topic("branch", "a branch has to be asked for", `\b(?:cut|make|create|start|use|open)\b.{0,12}\b(?:a|new|own|separate|feature)\b.{0,12}\bbranch\b`, `\bnot on (?:main|master)\b`),
	topic("review-replies", "review comments have to be answered in their thread",
		`\b(?:reply|replies|replying|respond|answer)\b.{0,50}\b(?:comments?|reviews?|threads?|sha)\b`, `\b(?:comments?|reviews?|threads?)\b.{0,50}\b(?:reply|replies|respond|sha)\b`, `\bfix sha\b`, `\b(?:commit|fix) shas?\b`),
	topic("pagination", "comments are missed on further pages", `\bpaginat\w+`, `\b(?:miss(?:ed)?|skip(?:ped)?)\b.{0,20}\bcomments?\b`),
	topic("ask-first", "the agent decides where it should ask",
		`\b(?:let'?s|lets|we should|want to) (?:first )?(?:talk|discuss)\b`, `\bdiscuss\w* (?:first|this|it|before)\b`, `\bask me\b`, `\bask(?:ed|ing)? (?:first|before)\b`, `\bbefore (?:you )?(?:edit|chang|implement|cod|writ|touch)\w*`, `\b(?:I|we) (?:make|made) (?:the )?decisions?\b`, `\b(?:don'?t|do not|not) (?:just )?(?:decide|assume|make decisions)\b`, `\bwalk me through\b`, `\bSTOP what you\b`),
	topic("short-prose", "descriptions are too long", `\b(?:short(?:er)?|brief|concise|terse|briefer)\b.{0,30}\b(?:pr|pull request|descri\w+|summary|changelog|message|entry|entries)\b`, `\b(?:pr|pull request|descri\w+|summary|changelog|message|entries)\b.{0,40}\b(?:short(?:er)?|brief|concise|too long)\b`, `\btoo (?:long|verbose|wordy)\b`),
	topic("version", "version, tag and push have to be asked for", `\bbump(?:s|ed|ing)?\b.{0,40}\b(?:versions?|tags?|patch|push|minor|major)\b`, `\b(?:versions?|tags?|patch)\b.{0,40}\b(?:bump\w*|increment\w*|increase)\b`, `\b(?:increment|increase)\b.{0,30}\b(?:version|patch|tag)\b`, `\bcommit and bump\b`),
	topic("dead-code", "code that is no longer used is left behind", `\b(?:unused|dead|unreachable|obsolete)\b.{0,15}\b(?:code|functions?|methods?|imports?|variables?|files?|fields?|params?|parameters?)\b`, `\b(?:is|are|was)\b.{0,40}\bstill (?:used|needed|necessary|required)\b`, `\b(?:no longer|not|never)\b.{0,12}\b(?:used|needed)\b.{0,20}\b(?:anywhere|any ?more|now)?`, `\bno need to deprecate\w*`, `\bfind unused\b`),
	topic("errors", "errors are swallowed instead of logged", `\bswallow(?:s|ed|ing)?\b`, `\bsilently\b`, `\b(?:add|use|need|missing|no|more)\b.{0,20}\blogg(?:ing|er)\b`, `\blog (?:it|this|these|that|them|the errors?)\b`),
	topic("docs", "documentation is left behind", `\b(?:update|forgot|forget|also|stale|outdated)\b.{0,40}\b(?:readme|docs?|documentation|changelog|help text|usage text)\b`, `\b(?:readme|docs?|documentation|changelog)\b.{0,40}\b(?:update|stale|outdated|out of date|wrong|old)\b`),
	topic("everywhere", "one of several alike parts is changed, the others forgotten",
		`\b(?:other|all|both|rest of the|every|each)\b.{0,20}\b(?:providers?|agents?|strateg\w+|platforms?|languages?|clients?|backends?|themes?|locales?|adapters?|drivers?)\b`, `\band (?:in|for|what about) the \w+ (?:hooks?|one|version|side|code|part)\b`, `\bsame (?:for|in|with) (?:the )?(?:other|all|both)\b`, `\bprovider,? too\b`, `\b(?:fix|do|change|update) \w{4,} too\b`),
	topic("comments", "comments tell what they should not", `\b(?:unnecessary|needless|remove|useless|too many|verbose|obvious)\b.{0,25}\b(?:code )?comments?\b`, `\b(?:don'?t|do not|no) need\b.{0,25}\b(?:comments?|notes? about)\b`, `\bcode comments\b`).
		butNot(`\breview|\bpr\b|\bthread|\breply|\brespond`),
	topic("files", "new files and names are made where none are needed", `\bfile sprawl\b`, `\b(?:own|separate) file\b`, `\btoo many (?:small |new )?files\b`, `\b(?:don'?t|not) (?:love|like)\b.{0,20}\bname\b`, `\bbetter (?:file ?)?names?\b`),
	topic("user-work", "work of the user is stashed or thrown away", `\b(?:don'?t|do not|never|not|why)\b.{0,30}\b(?:stash|reset|discard|overwrite|throw away)\w*\b`, `\bmy (?:uncommitted )?changes\b.{0,30}\b(?:gone|lost|reverted|overwritten)\b`),
	topic("types", "plain strings stand where the project has types", `\bstrong(?:er|ly)?[- ]typ\w+`, `\b(?:use|using|used)\b.{0,25}\b(?:typed|the (?:new )?type)\b`, `\btype\b.{0,20}\binstead of\b.{0,12}\bstrings?\b`),
	topic("verify", "work is called done that was not tried", `\bdid you (?:actually )?(?:run|test|check|verify|try)\b`, `\bhave you (?:actually )?(?:run|tested|verified|tried|checked)\b`, `\b(?:actually|really) (?:works?|tested|run)\b`),
	topic("guessing", "the agent guesses instead of looking", `\b(?:don'?t|do not|stop|quit) guess\w*`, `\blook (?:it|that) up\b`, `\bread the (?:docs|documentation|source|spec)\b`),
	topic("simple", "changes are more complicated than needed", `\bover[- ]?(?:engineer|complicat)\w*`, `\btoo (?:complex|complicated)\b`, `\bkeep it simple\b`, `\boverkill\b`, `\bYAGNI\b`),
	topic("scope", "things are changed that were not asked for", `\bout of scope\b`, `\b(?:I )?did ?n[o']t ask (?:for|you)\b`, `\bstick to\b`, `\b(?:only|just) what (?:I|was) asked\b`, `\bunrelated changes?\b`),
	topic("reports", "files are written that nobody asked for", `\b(?:don'?t|do not|no|stop|never) (?:creat|writ|add|mak)\w*\b.{0,30}\b(?:markdown|\.md|summary|report|readme)\b`),
	topic("spelling", "spelling has to be corrected", `\b(?:US|American|British|UK) (?:English|spelling)\b`),
	topic("quality", "small problems are left by the wayside", `\bnit(?:s|picky|[- ]picks?)?\b`, `\bby the wayside\b`, `\bcode quality\b`),
	topic("emoji", "emoji have to be taken out", `\bno emojis?\b`, `\bremove\b.{0,20}\bemojis?\b`),
}

func topicTitle(name string) string {
	for i := range Topics {
		if Topics[i].Name == name {
			return Topics[i].Title
		}
	}
	return ""
}

const (
	maxSpoken   = 800 // bytes of a turn that is listened to; more is pasted
	maxSentence = 200
)

func findRequests(v *View, emit func(Signal)) {
	worked := false // the agent has done something since the session began
	for i := range v.Events {
		e := &v.Events[i]
		if e.Kind == session.Call {
			worked = true
		}
		if e.Kind != session.User || e.Author != session.Human || !worked || len(e.Text) > maxSpoken {
			continue
		}
		heard := make(map[string]bool)
		for _, s := range sentences(e.Text) {
			if !wish.MatchString(s) {
				continue
			}
			t := topicOf(s)
			if t == nil || heard[t.Name] {
				continue
			}
			heard[t.Name] = true
			emit(Signal{Kind: requestKind, Key: requestKind + "\x00" + t.Name, Event: e, Class: t.Name, Line: s, Cost: Cost{Calls: 1}})
		}
	}
}

// wish is how people begin when they ask, tell or reproach. What begins with
// "The function …" or "If …" is mostly a reviewer's or a tool's text, pasted.
var wish = lazyregexp.New(`(?i)^(?:[-*•]\s*|\d+[.)]\s*|(?:ok(?:ay)?|yes|yeah|yup|no|nope|hmm+|also|and|but|so|now|then|well|great|ah|oh|wait|please|dude|whoa|first|actually|next|still|cool|sure|right|alright|q)\b[\s,.:!…-]*)*` +
	`(?:can|could|would|should|shall|do|did|does|have|has|are|is|will|isn'?t|aren'?t|don'?t|doesn'?t|didn'?t|can'?t|never|always|let'?s|lets|` +
	`(?:we|you)(?:'re|'d|'ll)? (?:\w+ )?(?:should|need|want|don'?t|do not|didn'?t|did not|have|already|forgot|missed|must|can|could|are|just|only|may|keep|still)|` +
	`I(?:'d|'m| would| will)? (?:\w+ )?(?:like|love|want|prefer|think|doubt|said|asked|told|don'?t|did ?n[o']t|made?|mean\w*|need|wonder|hope|expect\w*)|` +
	`why|how about|what about|in what|how come|where (?:is|are)|add|write|use|make|create|remove|delete|fix|put|keep|check|review|find|cut|run|rerun|reply|respond|answer|commit|update|bump|proceed|stop|remember|need|suspect|uh+|(?:the )?tests?\?|` +
	`ensure|avoid|reduce|get rid|consider|those|these|this|that'?s?|it'?s?|there(?:'s| is| are)|not|looking|seems?|just|only|go|try|move|rename|replace|extract|split|simplify|drop|clean|test|verify|include|leave|implement|increment|try|want|must|good|one more|again|log|document|strip|tag|push|open|start|no)\b`)

func topicOf(sentence string) *Topic {
	for i := range Topics {
		t := &Topics[i]
		for _, re := range t.says {
			if re.MatchString(sentence) && (t.not == nil || !t.not.MatchString(sentence)) {
				return t
			}
		}
	}
	return nil
}

// spoken ends a sentence, or a line.
var spoken = lazyregexp.New(`[.!?]+(?:\s+|$)|\n+`)

// sentences cuts what a person said into sentences. Quoted, fenced and
// indented lines, and lines of logs and code, are not theirs.
func sentences(text string) []string {
	var out []string
	fenced := false
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "```") {
			fenced = !fenced
			continue
		}
		if fenced || trimmed == "" || strings.HasPrefix(trimmed, ">") || strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t") || pasted.MatchString(trimmed) {
			continue
		}
		for len(trimmed) > 0 {
			end := len(trimmed)
			if m := spoken.FindStringIndex(trimmed); m != nil && m[1] > 0 {
				end = m[1]
			}
			if s := strings.TrimSpace(trimmed[:end]); len(s) > 3 && len(s) <= maxSentence {
				out = append(out, s)
			}
			trimmed = trimmed[end:]
		}
	}
	return out
}

// pasted matches lines that no person types: places in files, times, code.
var pasted = lazyregexp.New(`^\S+\.\w+:\d+|^\d{4}-\d\d-\d\d|^(?:\$|#|//|\+\+\+|---|@@|diff |commit [0-9a-f]{7})|[{};]$|^\|`)
