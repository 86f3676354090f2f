package miner

import (
	"cmp"
	"slices"
	"strings"

	"lode/miner/command"
	"lode/session"
	"lode/session/lazyregexp"
)

const environmentKind = "environment"

// environment finds failures that come of where a command ran, whatever it was
// to do: a sandbox, no network, no rights, another system.
var environment = Detector{
	Name: environmentKind,
	Doc:  "a command stopped by its surroundings: sandbox, network, rights, signing, locks, daemons that do not run; not what tests play through",
	Find: findEnvironment,
}

// Userland is the cause of failures of GNU options and tools on a system that
// has BSD's: its programs write the option without quotes after "option --".
const Userland = "userland"

// onMac reports whether a session ran on macOS, by its folder.
func (v *View) onMac() bool { return strings.HasPrefix(v.Cwd, "/Users/") }

// gnuForm returns what the agent wrote that only GNU's tools take: a program
// with its option, or the program alone.
func gnuForm(line *command.Line, complaint string) string {
	option := ""
	if at := strings.LastIndex(complaint, "option -- "); at >= 0 {
		option = complaint[at+len("option -- "):]
	}
	for i := range line.Programs {
		p := &line.Programs[i]
		if option == "" {
			for _, word := range append(p.Via, p.Path) { // also what was to run something else
				if strings.Contains(complaint, word) {
					return word
				}
			}
		}
		if option == "" || !strings.Contains(complaint, p.Path) {
			continue
		}
		for _, a := range p.Args {
			if strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && strings.Contains(a, option) {
				return p.Path + " " + a
			}
		}
	}
	return ""
}

// A Cause is a way in which surroundings stop commands.
type Cause struct {
	Name  string   // in keys, entities and the wording of rules
	Title string   // what happens to the command named before it
	hints []string // one of them is in the line
	re    *lazyregexp.Regexp
	tests bool // whether it counts among the failures of tests, which often play such things through
}

func cause(name, title, re string, tests bool, hints ...string) Cause {
	return Cause{name, title, hints, lazyregexp.New(re), tests}
}

// Causes lists what is known, the more telling first.
var Causes = []Cause{
	cause("port", "cannot open a port in the sandbox", `\b(?:bind|listen|socket|connect)\w*\b.*(?:operation not permitted|permission denied)|(?:EPERM|EACCES)\b.*\blisten\b|\blisten E(?:PERM|ACCES)\b`, true,
		"peration not permitted", "ermission denied", "EPERM", "EACCES"),
	cause("cache", "cannot write to its cache", `\b(?:open|mkdir|create|unlink|rename|write|access)\w*\b.*\S*\b[Cc]aches?\b\S*.*(?:[Oo]peration not permitted|[Pp]ermission denied|[Rr]ead-only file system)|EACCES.*_cacache|EPERM.*\bcaches?\b`, true,
		"peration not permitted", "ermission denied", "ead-only file system", "EPERM", "EACCES"),
	cause("lock", "collides with another one on the index lock", `Unable to create '[^']*index\.lock': File exists`, false, "index.lock"),
	cause("git-folder", "cannot write to .git in the sandbox", `\.git/\S*'?: (?:[Oo]peration not permitted|[Pp]ermission denied)`, false, "peration not permitted", "ermission denied"),
	cause("partial-clone", "needs objects that a partial clone does not have", `from promisor remote`, false, "promisor"),
	cause("test-signing", "uses the git configuration of the machine, which signs", `(?:--- FAIL|_test\.\w+:\d+: )[^\n]*(?:cannot auto-sign commit|gpg failed to sign)`, true, "sign"),
	cause("signing", "cannot sign", `agent refused operation|gpg failed to sign|cannot auto-sign commit|[Cc]ouldn't sign message|error: signing failed`, false, "sign", "agent refused"),
	cause("format", "builds for another system and cannot run here", `exec format error`, true, "exec format error"),
	cause("scratch", "cannot find the project's modules from outside it", `\bimported from /(?:private/)?(?:tmp|var/folders)/|^\W*/?(?:private/)?tmp/\S+: (?:ERROR|error): Could not resolve|Could not resolve "[^"./][^"]*"\W*$`, true, "imported from /", "Could not resolve \""),
	cause("encoding", "meets a locale without Unicode", `UnicodeEncodeError: 'ascii' codec|UnicodeDecodeError: 'ascii' codec|invalid byte sequence in US-ASCII`, true, "'ascii' codec", "US-ASCII"),
	cause(Userland, "knows no GNU options, it is BSD's", `^(?:/\S+/)?(?:cat|grep|sed|awk|date|stat|readlink|xargs|find|head|tail|sort|ls|cp|du|df|base64|mktemp|tr|wc|md5|cut|join|paste|ps|touch|nl|tac|install): (?:illegal|invalid|unrecognized) option -- \w$|\b(?:timeout|tac|nproc|shuf|md5sum|sha1sum|sha256sum|gawk|gsed|numfmt|setsid): command not found$|command not found: (?:timeout|tac|nproc|shuf|md5sum|sha1sum|sha256sum|gawk|gsed|numfmt|setsid)$`, true,
		" option -- ", "command not found"),
	cause("docker", "needs a Docker daemon, and none runs here", `Cannot connect to the Docker daemon|failed to connect to the docker API|Is the docker daemon running`, true, "ocker daemon", "docker API"),
	cause("disk", "finds no space on the disk", `[Nn]o space left on device`, true, "o space left on device"),
	cause("memory", "runs out of memory", `JavaScript heap out of memory|fatal error: runtime: out of memory|[Cc]annot allocate memory|MemoryError\b`, true, "ut of memory", "allocate memory", "MemoryError"),
	cause("display", "needs a display, and there is none", `[Cc]annot open display|Missing X server|no display name and no \$DISPLAY`, true, "annot open display", "Missing X server", "no display name"),
	cause("login", "is not logged in", `\bgh auth login\b|could not read (?:Username|Password) for|Permission denied \(publickey|Authentication failed for '|[Yy]ou must be logged in|\b[Nn]ot logged in\b|\bnpm login\b|\b401\b.*[Uu]nauthorized`, false,
		"gh auth login", "could not read ", "(publickey", "uthentication failed for", "ogged in", "npm login", "nauthorized"),
	cause("network", "needs the network, and there is none", `\bno such host\b|[Cc]ould not resolve host|Temporary failure in name resolution|[Nn]etwork is unreachable|getaddrinfo (?:ENOTFOUND|EAI_AGAIN)|nodename nor servname provided|Failed to resolve '`, false,
		"no such host", "ould not resolve host", "name resolution", "etwork is unreachable", "getaddrinfo", "nodename nor", "Failed to resolve"),
}

func causeTitle(name string) string {
	for i := range Causes {
		if Causes[i].Name == name {
			return Causes[i].Title
		}
	}
	return ""
}

// madeUp are hosts that only tests and examples name.
var madeUp = lazyregexp.New(`(?i)\b(?:localhost|127\.0\.0\.1|[\w-]+\.(?:example|test|invalid|local)|(?:[\w-]+\.)?example\.(?:com|org|net))\b`)

// warns matches what programs go on after.
var warns = lazyregexp.New(`(?i)\bwarn(?:ing)?\b`)

// redTest matches a test's own verdict: what is logged around it may be played.
var redTest = lazyregexp.New(`(?m)^\s*--- FAIL|^FAILED |^\s*[✕✗×] |^not ok `)

// stopped is what stopped a command, with the line that says so.
type stopped struct {
	by   *Cause
	line string
}

// stoppedBy returns what stopped a command, if its surroundings did.
func (v *View) stoppedBy(e *session.Event) stopped {
	s, known := v.stopped[e]
	if !known {
		s = findCause(v, e)
		v.stopped[e] = s
	}
	return s
}

func findCause(v *View, e *session.Event) stopped {
	if e.Action() != session.Shell || e.Outcome != session.Failed && e.Outcome != session.Denied {
		return stopped{}
	}
	line, text := v.Line(e), ends(e.Text)
	for i := range Causes {
		c := &Causes[i]
		hinted := slices.ContainsFunc(c.hints, func(hint string) bool { return strings.Contains(text, hint) })
		if !hinted || !c.tests && line.Has(command.Test, command.Script) && redTest.MatchString(text) {
			continue
		}
		for l := range strings.Lines(text) {
			l = strings.TrimSpace(cut(l))
			switch {
			case !c.re.MatchString(l), warns.MatchString(l), c.Name == "network" && madeUp.MatchString(l):
			case c.Name == Userland && !v.onMac() && strings.Contains(l, "command not found"): // a tool may be missing anywhere
			case onlyShows(line) && !complains(clue{line: l}, line): // what it shows is not its own
			default:
				return stopped{c, l}
			}
		}
	}
	return stopped{}
}

func findEnvironment(v *View, emit func(Signal)) {
	var found []Signal
	for k := range v.Results {
		e := &v.Events[v.Results[k]]
		c, line := v.stoppedBy(e).by, v.stoppedBy(e).line
		if c == nil {
			continue
		}
		s := Signal{Kind: environmentKind, Key: environmentKind + "\x00" + c.Name, Event: e, Class: c.Name, Template: Mask(line), Line: line, Cost: v.costOf(k), at: k}
		p := v.Line(e).First(command.Test, command.Build, command.Lint, command.VCS, command.Package, command.Network, command.Script, command.Other)
		if p == nil {
			p = v.Line(e).Main()
		}
		if c.Name == "signing" {
			p = cmp.Or(signer(v.Line(e)), p)
		}
		if p != nil {
			s.Subject, s.Role = general(p), string(p.Role)
			switch c.Name {
			case Userland:
				s.Entity = gnuForm(v.Line(e), line)
			case "format":
				s.Subject = oneLine(strings.Join(append(targets(p.Env), s.Subject), " "))
			case "cache":
				if fix, at := elsewhere(v, k, p); fix != nil {
					s.Fix, s.Cost, s.until = fix, v.costBetween(k, at), at
				}
			}
		}
		found = append(found, s)
	}
	v.share(found)
	for _, s := range found {
		emit(s)
	}
}

// signer returns what in a command line makes commits or tags.
func signer(line *command.Line) *command.Program {
	for i := range line.Programs {
		p := &line.Programs[i]
		if p.Name == "git" && slices.Contains([]string{"commit", "tag", "merge", "rebase", "cherry-pick", "revert", "am", "pull"}, p.Sub) {
			return p
		}
	}
	return nil
}

// targets are the assignments that choose the system to build for.
func targets(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(a string) bool {
		name, _, _ := strings.Cut(a, "=")
		return !strings.HasSuffix(name, "OS") && !strings.HasSuffix(name, "ARCH") && !strings.HasSuffix(name, "TARGET")
	})
}

// elsewhere returns the same program as it worked later with a cache of its own.
func elsewhere(v *View, k int, p *command.Program) (*Fix, int) {
	for j := k + 1; j < len(v.Results); j++ {
		e := &v.Events[v.Results[j]]
		if e.Action() != session.Shell || e.Outcome != session.OK {
			continue
		}
		line := v.Line(e)
		for i := range line.Programs {
			q := &line.Programs[i]
			if q.Name != p.Name {
				continue
			}
			env := slices.DeleteFunc(without(q.Env, p.Env), func(a string) bool { return !strings.Contains(a, "CACHE") })
			if len(env) > 0 {
				return &Fix{Command: oneLine(strings.Join(append(env, general(p)), " ")), InsteadOf: general(p), Example: oneLine(q.Raw), event: e}, j
			}
		}
	}
	return nil, 0
}
