package miner

import (
	"strings"

	"lode/session/lazyregexp"
)

// Classes of failures.
const (
	MissingTool     = "command-not-found"
	MissingModule   = "missing-module"
	NoSuchFile      = "no-such-file"
	NotAFile        = "not-a-file"   // a folder opened as a file
	WrongFolder     = "wrong-folder" // a folder entered that the shell is in already
	GuessedNames    = "guessed-names"
	TestFailure     = "test-failure"
	CompileError    = "compile-error"
	LintFinding     = "lint"
	EditMismatch    = "edit-mismatch"
	EditBeforeRead  = "edit-before-read"
	UsageError      = "usage-error"
	Timeout         = "timeout"
	PermissionError = "permission"
	NetworkError    = "network"
	MergeConflict   = "merge-conflict"
	APIFailure      = "api-error"
	Exception       = "exception" // of a program, without a more telling class
	ShellSyntax     = "shell-syntax"
	VCSError        = "vcs"
	LimitExceeded   = "limit" // an agent's own cap on what it reads
	OtherFailure    = "other"
)

// clue is a line of output that tells of a failure.
type clue struct {
	class  string
	entity string // the thing that is missing, unknown or wrong
	line   string
	weight int // how sure the line is, see the constants
}

// The weights of clues.
const (
	weak    = 1 // a word such as "error" somewhere in the line
	telling = 2 // what programs print when they fail; may be quoted by others
	verdict = 3 // a tool's summary that it failed
	certain = 4 // said by the shell or the interpreter itself
)

// A clueRule recognises one way of telling a failure. hint is a substring that
// must be there before the expression is tried.
type clueRule struct {
	class  string
	weight int
	hint   string
	re     *lazyregexp.Regexp // a first group that takes part is the entity
}

func rule(class string, weight int, hint, re string) clueRule {
	return clueRule{class, weight, hint, lazyregexp.New(re)}
}

// clueRules are tried in order on every line; the first that matches tells.
var clueRules = []clueRule{
	// The shell and the interpreters.
	rule(MissingTool, certain, "command not found", `command not found: ([\w./+@-]+)`),
	rule(MissingTool, certain, "command not found", `(?:^|: )(?:line \d+: )?([\w./+@-]+): command not found`),
	rule(MissingTool, certain, ": not found", `^(?:/bin/)?(?:da|ba|z)?sh: (?:(?:line )?\d+: )?([\w./+@-]+): not found`),
	rule(MissingTool, certain, "fish: Unknown command", `^fish: Unknown command:? '?([\w./+@-]+)`),
	rule(MissingTool, certain, "executable file not found", `exec: "([^"]+)": executable file not found`),
	rule(MissingTool, certain, "not recognized as", `'([^']+)' is not recognized as an internal`),
	rule(MissingTool, certain, "not installed", `[Pp]rogram '([^']+)' is (?:currently )?not installed`),
	rule(MissingModule, certain, "No module named", `No module named '?([\w.]+)'?`),
	rule(MissingModule, certain, "Cannot find module", `Cannot find module '([^']+)'`),
	rule(MissingModule, certain, "Cannot find package", `Cannot find package '([^']+)'`),
	rule(MissingModule, certain, "no required module provides package", `no required module provides package (\S+?)[;:]?(?:\s|$)`),
	rule(MissingModule, certain, "could not be resolved", `Import "([^"]+)" could not be resolved`),
	rule(MissingModule, telling, "cannot load such file", `cannot load such file -- (\S+)`),
	rule(NoSuchFile, certain, "o such file or directory", `^(?:\(eval\):\d+|zsh:\d+|(?:/\S+/)?(?:ba|z|da)?sh: line \d+): (?:no such file or directory: (\S+)|([^\s:]+): No such file or directory)$`),
	rule(ShellSyntax, certain, "no matches found", `no matches found: (.+)`),
	rule(ShellSyntax, certain, "syntax error", `(?:ba|z|da|/)?sh: .*syntax error.*|^\(eval\):\d+: .*|syntax error near unexpected token.*`),
	rule(ShellSyntax, certain, "unexpected EOF", `unexpected EOF while looking for`),
	rule(ShellSyntax, certain, "parse error near", `parse error near`),
	rule(ShellSyntax, certain, "bad substitution", `bad substitution`),
	rule(ShellSyntax, certain, "(eval):", `^\(eval\):\d+: (?:.*)`),
	rule(ShellSyntax, certain, "COMMAND MALFORMED", `EXECUTION FAILED OR COMMAND MALFORMED`),
	rule(ShellSyntax, certain, "event not found", `event not found`),

	// The agents' own tools.
	rule(EditMismatch, certain, "String to replace not found", `String to replace not found`),
	rule(EditMismatch, certain, "matches of the string to replace", `Found \d+ matches of the string to replace`),
	rule(EditMismatch, certain, "No changes to make", `No changes to make: old_string and new_string`),
	rule(EditMismatch, certain, "apply_patch verification failed", `apply_patch verification failed`),
	rule(EditMismatch, certain, "Could not find oldString", `Could not find oldString`),
	rule(EditBeforeRead, certain, "has not been read yet", `File has not been read yet`),
	rule(EditBeforeRead, certain, "modified since read", `has been modified since read`),
	rule(LimitExceeded, certain, "exceeds maximum allowed", `File content \(.*exceeds maximum allowed`),
	rule(UsageError, certain, "InputValidationError", `InputValidationError: (\w+) failed`),
	rule(NoSuchFile, certain, "File does not exist", `File does not exist`),
	rule(NoSuchFile, certain, "Path does not exist", `Path does not exist: (.+?)(?:</|\. Note|$)`),
	rule(NoSuchFile, certain, "Directory does not exist", `Directory does not exist: (.+?)(?:</|\. Note|$)`),
	rule(NoSuchFile, certain, "Path does not exist", `^Path does not exist\.?$`),
	rule(NoSuchFile, certain, "not found: ", `^(?:<tool_use_error>|[Ee]rror: )?(?:File|Directory|Folder|Path) not found: (.+?)(?:</|$)`),
	rule(NotAFile, telling, "Is a directory", `(?:^|: )(\S+): Is a directory`),
	rule(NotAFile, certain, "EISDIR", `EISDIR: illegal operation on a directory, read(?: '([^']+)')?`),

	// Files and rights.
	rule(NoSuchFile, telling, "No such file or directory", `can't open file '([^']+)'`),
	rule(NoSuchFile, telling, "No such file or directory", `cannot (?:access|stat|open|remove) ['‘]?(.+?)['’]?(?: for reading)?: No such file`),
	rule(NoSuchFile, telling, "No such file or directory", `(?:No such file or directory: |ENOENT: no such file or directory, \w+ )['"]([^'"]+)`),
	rule(NoSuchFile, telling, "No such file or directory", `^(?:[\w./-]+: )?(?:line \d+: )?(?:cd: )?([^\s:]+): No such file or directory`),
	rule(NoSuchFile, telling, "no such file or directory", `(?:cd:(?:\d+:)? no such file or directory: |ENOENT: no such file or directory, \w+ ')([^']+)`),
	rule(NoSuchFile, telling, "no such file or directory", `(?:open|stat|lstat|chdir) (\S+?): no such file or directory`),
	rule(NoSuchFile, telling, "o such file or directory", `[Nn]o such file or directory(?: \(os error 2\))?`),
	rule(PermissionError, telling, "EACCES", `EACCES(?:: permission denied, \w+ '([^']+)')?`),
	rule(PermissionError, telling, "ermission denied: ", `[Pp]ermission denied: '?([^']+)`),
	rule(PermissionError, telling, "ermission denied", `(\S+): [Pp]ermission denied|[Pp]ermission denied`),
	rule(PermissionError, telling, "peration not permitted", `[Oo]peration not permitted`),
	rule(PermissionError, telling, "root", `(?i)\b(?:(?:must|needs?|has|have)(?: to)?(?: be)?(?: run)?(?: as| under)?(?: the)? root\b|only root (?:can|may)|non-root users? cannot|requires? root|unless you are root|not .*\bas root\b)`),
	rule(PermissionError, telling, "privilege", `(?i)\b(?:super-?user|root|insufficient|administrator|elevated) privileges?\b`),
	rule(PermissionError, telling, "uper", `(?i)\b(?:must be|not|requires?) (?:a |the )?super-?user\b`),
	rule(PermissionError, telling, "write permission", `(?i)\b(?:don't|do not) have write permissions?\b`),
	rule(PermissionError, telling, "uthenticat", `(?i)\b(?:not authenticated|authentication (?:is )?(?:required|failed)|requires? authentication)\b`),
	rule(PermissionError, telling, "ession has expired", `[Ss]ession has expired`),
	rule(PermissionError, telling, "log in", `(?i)\b(?:you (?:must|need to)|please) (?:first )?log in\b`),
	rule(NoSuchFile, telling, "ot a directory", `(\S+): Not a directory`),
	rule(NoSuchFile, telling, " not exist", `(?:[Ff]ile|[Ff]older|[Dd]irectory|[Pp]ath) (\S+) (?:does not|doesn't) exist\.?$`),
	rule(NotAFile, telling, "irectory", `omitting directory ['"‘\x60]?([^'"’\x60]+)|(?:hard link )?not allowed for directory`),
	rule(OtherFailure, telling, ": File exists", `^\S+: .*: File exists`),

	// Wrong use of programs.
	rule(UsageError, verdict, "nrecognized argument", `error: unrecognized arguments?: (.+)`),
	rule(UsageError, verdict, "nrecognized option", `[Uu]nrecognized option:? ['"‘\x60]?(-{0,2}[\w-]+)`),
	rule(UsageError, verdict, "nknown option", `[Uu]nknown options?:? ['"‘\x60]?(-{0,2}[\w-]+)`),
	rule(UsageError, verdict, "nknown flag", `[Uu]nknown flag:? ['"\x60]?(-{0,2}[\w-]+)`),
	rule(UsageError, verdict, "unknown shorthand flag", `unknown shorthand flag: '(.)'`),
	rule(UsageError, verdict, "flag provided but not defined", `flag provided but not defined: (-{1,2}[\w-]+)`),
	rule(UsageError, verdict, "invalid option", `invalid option (?:-- )?['"]?(-{0,2}[\w?-]+)`),
	rule(UsageError, verdict, "illegal option", `illegal option -- (\S+)`),
	rule(UsageError, verdict, "nexpected argument", `unexpected argument '?([^' ]+)'? found`),
	rule(UsageError, verdict, "No such option", `[Nn]o such option:? (-{0,2}[\w-]+)`),
	rule(UsageError, verdict, "nknown command", `[Uu]nknown command:? ['"\x60]?([\w:-]+)`),
	rule(UsageError, verdict, "is not a git command", `'([^']+)' is not a git command`),
	rule(UsageError, verdict, "nknown revision", `ambiguous argument '([^']+)': unknown revision`),
	rule(UsageError, verdict, "issing script", `[Mm]issing script: ['"]?([\w:-]+)`),
	rule(UsageError, verdict, "ommand \"", `Command "([^"]+)" not found`),
	rule(UsageError, verdict, "No rule to make target", `No rule to make target ['\x60]([^']+)'`),
	rule(UsageError, verdict, "the following arguments are required", `the following arguments are required: (.+)`),
	rule(UsageError, verdict, "requires an argument", `(?:option requires an argument|flag needs an argument)`),
	rule(UsageError, verdict, "accepts ", `accepts (?:at most |at least |between )?\d+ arg`),
	rule(UsageError, verdict, "invalid choice", `invalid choice: '?([^' ]+)`),
	rule(UsageError, telling, "no task", `(?i)no tasks? (?:named )?['"\x60]?([\w:-]+)['"\x60]? (?:found|defined)`),

	rule(UsageError, verdict, "build constraints exclude all Go files", `build constraints exclude all Go files`), // a tag is missing

	// What command-line tools say of words that they do not know.
	rule(UsageError, telling, "o such ", `(?i)\bno such (?:sub)?(?:command|operation|action|task|target)s?\b(?: named)?:? *['"‘\x60]?([\w:-]*)`),
	rule(UsageError, telling, "nknown ", `\b[Uu]nknown (?:sub)?(?:operation|action|verb|task|target|argument|lifecycle phase|primary or operator)s?:? *['"‘\x60]?([\w:-]*)`),
	rule(UsageError, telling, "nrecognized ", `\b[Uu]nrecognized (?:sub)?(?:command|operation|action|parameter)s?:? *['"‘\x60]?([\w:-]*)`),
	rule(UsageError, telling, "nvalid ", `\b[Ii]nvalid (?:sub)?(?:command|operation|action|choice|argument|parameter|flag|switch)s?:? *['"‘\x60]?([\w:-]*)`),
	rule(UsageError, telling, " not a", `['"‘\x60]?([\w:-]+)['"’\x60]? is not an? (?:\w+ )?(?:sub)?(?:command|task|operation|target)\b`),
	rule(UsageError, telling, " not in ", `['"‘\x60]([\w:-]+)['"’\x60] is not in (?:your|the) .*(?:file|group)`),
	rule(UsageError, telling, "ould not find a ", `[Cc]ould not find a (?:sub)?(?:command|task|target) (?:named|called) ['"‘\x60]?([\w:-]+)`),
	rule(UsageError, telling, " no command named ", `has no command named ['"‘\x60]?([\w:-]+)`),
	rule(UsageError, telling, "nknown command", `[Uu]nknown command`),
	rule(UsageError, telling, " is not defined", `(?:[Cc]ommand|[Tt]ask|[Tt]arget|[Oo]ption) ['"‘\x60]?([\w:-]+)['"’\x60]? is not defined`),
	rule(UsageError, telling, " not found", `(?:[Tt]ask|[Tt]arget|[Gg]oal|[Rr]ecipe|[Ss]cript) ['"‘\x60]?([\w:-]+)['"’\x60]? (?:was )?not found`),
	rule(UsageError, telling, "mbiguous", `\b(?:is ambiguous\b|ambiguous (?:command|option|argument))`),
	rule(UsageError, telling, "id you mean", `\b[Dd]id you mean\b`),
	rule(UsageError, telling, "you meant", `\b[Mm]aybe you meant\b`),
	rule(UsageError, telling, "or more information", `^(?:Try|try|Use|use|See|see|Run|run) .*(?:--help|-h\b|help).* for more information`),
	rule(UsageError, telling, " is one of", `^(?:where )?<\w+> is one of`),
	rule(UsageError, telling, "ust come before", `must (?:come|be placed) before`),
	rule(UsageError, telling, "used after", `\bflag '[^']+' used after`),
	rule(UsageError, telling, " not specified", `^\S+: .+ not specified\b`),
	rule(UsageError, telling, "unterminated", `: unterminated `),
	rule(UsageError, telling, "orce", `\b(?:[Uu]se|[Ww]ith|[Aa]dd|[Pp]ass) ['"\x60]?[\w \x2d]*--force\b`),
	rule(UsageError, telling, " -f ", `\b[Uu]se -f if you really\b`),

	// Repositories.
	rule(MergeConflict, verdict, "CONFLICT (", `^CONFLICT \(`),
	rule(MergeConflict, verdict, "could not apply", `error: could not apply [0-9a-f]+`),
	rule(MergeConflict, verdict, "Automatic merge failed", `Automatic merge failed`),
	rule(VCSError, verdict, "[rejected]", `! \[(?:remote )?rejected\]`),
	rule(VCSError, verdict, "failed to push some refs", `error: failed to push some refs`),
	rule(VCSError, verdict, "fatal: ", `^fatal: .+`),
	rule(VCSError, telling, "no tracking information", `no tracking information for the current branch`),
	rule(VCSError, telling, "ignored by one of your", `ignored by one of your \S*ignore files`),
	rule(VCSError, telling, "not something we can merge", `not something we can merge`),
	rule(VCSError, telling, "unstaged changes", `[Yy]ou have unstaged changes`),
	rule(VCSError, telling, "in the middle of another", `in the middle of another (?:rebase|merge|am|cherry-pick)`),
	rule(VCSError, telling, " added to commit", `^(?:no changes|nothing) added to commit`),
	rule(VCSError, telling, "No changes - did you forget", `^No changes - did you forget`),
	rule(VCSError, telling, "abort: ", `^abort: .+`),
	rule(VCSError, telling, "error: ", `^error: (?:pathspec|cannot|your local changes|Your local changes|unable to|insufficient|remote|src refspec|the following).+`),

	// Networks and services.
	rule(NetworkError, verdict, "ould not resolve host", `[Cc]ould not resolve host:? ?(\S*)`),
	rule(NetworkError, verdict, "onnection refused", `[Cc]onnection refused`),
	rule(NetworkError, verdict, "onnection timed out", `[Cc]onnection timed out`),
	rule(NetworkError, verdict, "ECONNREFUSED", `ECONNREFUSED`),
	rule(NetworkError, verdict, "ENOTFOUND", `getaddrinfo ENOTFOUND (\S+)`),
	rule(NetworkError, verdict, "curl: (", `^curl: \(\d+\)`),
	rule(NetworkError, telling, "ddress already in use", `[Aa]ddress already in use`),
	rule(NetworkError, telling, "Host key verification failed", `Host key verification failed`),
	rule(NetworkError, telling, "HOST IDENTIFICATION HAS CHANGED", `REMOTE HOST IDENTIFICATION HAS CHANGED`),
	rule(APIFailure, verdict, "HTTP ", `\(HTTP (4\d\d|5\d\d)\)`),
	rule(APIFailure, verdict, "status code", `(?i)request failed with status code (\d+)`),
	rule(Timeout, verdict, "timed out", `(?i)(?:command|process|operation|test|request|it) timed out|timed out after`),

	// Tests.
	rule(CompileError, verdict, " failed]", `\[(?:build|setup) failed\]`), // before FAIL, with which go test begins that line
	rule(TestFailure, verdict, "--- FAIL", `--- FAIL: (\S+)`),
	rule(TestFailure, verdict, "FAIL", `^FAIL(?:\s|:|$)`),
	rule(TestFailure, verdict, "FAILED", `^FAILED (\S+)|^FAILED \(|test result: FAILED|BUILD FAILED|^FAILED$`),
	rule(TestFailure, verdict, "[FAIL]", `\[FAIL\]`),
	rule(TestFailure, verdict, " failed", `(?:^|[^\w.])([1-9]\d* failed)\b`),
	rule(TestFailure, verdict, "failing", `(?:^|\s)([1-9]\d* failing)\b`),
	rule(TestFailure, verdict, "failure", `\b[1-9]\d* failures?\b`),
	rule(TestFailure, verdict, "Failures: ", `Failures: [1-9]`),
	rule(TestFailure, verdict, " failed, and ", `[1-9]\d* tests? failed`),
	rule(TestFailure, verdict, "not ok ", `^not ok \d+`),
	rule(TestFailure, verdict, "FAILURES!", `^FAILURES!`),
	rule(NoSuchFile, verdict, "not found: ", `^ERROR: (?:file or directory|file|module or package) not found: (\S+)`),
	rule(TestFailure, verdict, "ERROR ", `^ERROR (\S+\.py\S*)`),
	rule(TestFailure, verdict, "error", `=+ .*\b[1-9]\d* errors?\b.* in [\d.]+s`),
	rule(TestFailure, telling, "✕", `^\s*[✕✗×] `),

	// Compilers.
	rule(CompileError, verdict, "error[E", `^error\[E\d+\]: (.+)`),
	rule(CompileError, verdict, "could not compile", `error: could not compile`),
	rule(CompileError, verdict, "error TS", `error TS\d+: (.+)`),
	rule(CompileError, verdict, "undefined: ", `\.go:\d+:\d+: undefined: (\S+)`),
	rule(CompileError, verdict, ".go:", `^(?:vet: )?\S+\.go:\d+:\d+: (?:.*(?:imported and not used|declared and not used|undefined|cannot use|missing return|not enough arguments|too many arguments|redeclared|syntax error|expected|no new variables|has no field or method|unknown field|could not import|does not implement|assignment mismatch|is not a type|cannot infer|must be).*)`),
	rule(CompileError, verdict, "SyntaxError", `SyntaxError: (.+)`),
	rule(CompileError, verdict, "IndentationError", `IndentationError: `),
	rule(CompileError, verdict, "cannot find symbol", `cannot find symbol`),
	rule(CompileError, verdict, "undeclared", `(?:use of )?undeclared (?:identifier|name):? ['\x60]?(\w+)`),
	rule(CompileError, telling, ": error: ", `^\S+:\d+:(?:\d+:)? (?:fatal )?error: `),
	rule(CompileError, verdict, "no Go files in", `no (?:non-test )?Go files in (\S+)`),

	// Linters.
	rule(LintFinding, verdict, ".go:", `^\S+\.go:\d+(?::\d+)?: .* \((\w+)\)$`),
	rule(LintFinding, verdict, "issues:", `^[1-9]\d* issues?:`),
	rule(LintFinding, verdict, "problem", `[✖×] [1-9]\d* problems?`),
	rule(LintFinding, verdict, "Found ", `^Found [1-9]\d* errors?`),
	rule(LintFinding, telling, "would reformat", `would reformat`),
	rule(LintFinding, telling, ".py:", `^\S+\.py:\d+:\d+: ([A-Z]{1,3}\d{3,4})\b`),

	// Runners that report that what they ran has failed.
	rule(OtherFailure, verdict, "***", `^(?:g?make)(?:\[\d+\])?: \*\*\* `),
	rule(OtherFailure, verdict, "task failed", `(?i)^(?:\[\S+\] )?(?:mise )?error\s+task failed|^task: Failed to run task`),
	rule(OtherFailure, verdict, "Oops!", `^Oops! Something went wrong`),
	rule(OtherFailure, verdict, "npm ERR!", `^npm ERR! `),
	rule(OtherFailure, verdict, "npm error", `^npm error `),
	rule(OtherFailure, verdict, "ELIFECYCLE", `ELIFECYCLE`),
	rule(OtherFailure, verdict, "ommand failed with exit code", `[Cc]ommand failed with exit code [1-9]`),
	rule(OtherFailure, telling, "exit status ", `^exit status [1-9]`),

	// Programs that broke off.
	rule(Exception, verdict, "panic: ", `^panic: (.+)|^\s*panic: (.+)`),
	rule(Exception, verdict, "egmentation fault", `[Ss]egmentation fault`),
	rule(Exception, verdict, "core dumped", `core dumped`),
	rule(Exception, verdict, "Traceback", `^Traceback \(most recent call last\)`),
	rule(Exception, telling, "Error", `^(?:E\s+)?((?:[A-Za-z_]\w*(?:\.|::))*[A-Z]\w*(?:Error|Exception|Warning|Exit|Interrupt))(?::|$)`),
	rule(Exception, telling, "]", `^\s*\[(\w+(?:Error|Exception))\]`),
	rule(Exception, telling, "nhandled", `[Uu]nhandled (?:promise )?(?:rejection|exception)|Uncaught \w*Error`),
	rule(Exception, telling, "Exception in thread", `Exception in thread "`),
	rule(OtherFailure, telling, "rror", `^(?:[\w./@-]+: )?(?:\[?(?:error|Error|ERROR|ERR)\]?)[: ]`),
	rule(OtherFailure, telling, "ailed", `^(?:Failed|failed) to `),
	rule(OtherFailure, telling, "FAILURE: ", `^FAILURE: `),
	rule(OtherFailure, telling, "arning: ", `^(?:Warning|warning): .*(?:not found|[Nn]o available)`),
	rule(OtherFailure, telling, "NOTESTS", `^Result: NOTESTS`),
	rule(OtherFailure, telling, " must be running", `\bmust be running\b`),
}

// clueOf returns what a line tells of a failure; the weight is 0 when nothing.
func clueOf(line string) clue { return clueBy(line, allRules, true) }

var allRules = func() []*clueRule {
	all := make([]*clueRule, len(clueRules))
	for i := range clueRules {
		all[i] = &clueRules[i]
	}
	return all
}()

// clueBy is clueOf for some of the rules, and with weak clues only when asked.
func clueBy(line string, rules []*clueRule, weakToo bool) clue {
	for _, r := range rules {
		if !strings.Contains(line, r.hint) {
			continue
		}
		m := r.re.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		c := clue{class: r.class, line: line, weight: r.weight}
		for _, group := range m[1:] {
			if group != "" {
				c.entity = strings.TrimSpace(group)
				break
			}
		}
		return c
	}
	if weakToo && hasWeakWord(line) {
		return clue{class: OtherFailure, line: line, weight: weak}
	}
	return clue{}
}

// hasWeakWord reports whether a line has a word that failures are told with.
func hasWeakWord(line string) bool {
	for _, hint := range weakHints {
		if strings.Contains(line, hint) {
			return weakWord.MatchString(line)
		}
	}
	return false
}

var (
	weakWord  = lazyregexp.New(`(?i)\b(?:errors?|failed|failure|fatal|cannot|can't|could not|couldn't|unable to|not found|invalid|denied|aborted|refused)\b`)
	weakHints = []string{"rror", "RROR", "ail", "AIL", "atal", "ATAL", "annot", "an't", "ould", "nable to", "ot found", "nvalid", "enied", "borted", "efused"}
)

const (
	scanHead = 150 // lines of an output that are looked at from its start
	scanTail = 150 // and from its end: verdicts come last
	longLine = 2000
)

// scan returns the clues in an output, in order.
func scan(output string) []clue { return scanFor(output, true) }

// scanVerdicts returns the clues that a command whose exit is hidden is judged
// by: the weak ones are left out, and most outputs are passed over at once.
func scanVerdicts(output string) []clue { return scanFor(output, false) }

func scanFor(output string, weakToo bool) []clue {
	output = strings.TrimRight(ends(output), "\n ")
	rules := hinted(output)
	if len(rules) == 0 && !weakToo {
		return nil
	}
	var clues []clue
	traced := false // within a traceback, whose last line names the exception
	for line := range strings.Lines(output) {
		line = strings.TrimRight(cut(line), " \t\n")
		c := clueBy(line, rules, weakToo)
		switch {
		case strings.HasPrefix(line, "Traceback (most recent call last)"):
			traced = true
		case traced && exceptionLine.MatchString(line):
			traced = false
			if c.weight < verdict {
				c = clue{class: Exception, entity: exceptionLine.FindStringSubmatch(line)[1], line: line, weight: verdict}
			}
		}
		if c.weight > 0 {
			clues = append(clues, c)
		}
	}
	return clues
}

// cut shortens a line, not within a letter.
func cut(line string) string {
	if len(line) <= longLine {
		return line
	}
	return strings.ToValidUTF8(line[:longLine], "")
}

// ends cuts an output to its first and last lines.
func ends(output string) string {
	from, to := 0, len(output)
	for range scanHead {
		i := strings.IndexByte(output[from:], '\n')
		if i < 0 {
			return output
		}
		from += i + 1
	}
	for range scanTail {
		i := strings.LastIndexByte(output[:to-1], '\n')
		if i < from {
			return output
		}
		to = i + 1
		if to <= 1 {
			return output
		}
	}
	return output[:from] + output[to:]
}

// hinted returns the rules whose hint stands in an output. Most outputs have
// none: a set of the byte pairs in the output tells that in one pass.
func hinted(output string) []*clueRule {
	var pairs pairSet
	pairs.addAll(output)
	var rules []*clueRule
	for i := range clueRules {
		if r := &clueRules[i]; pairs.may(r.hint) && strings.Contains(output, r.hint) {
			rules = append(rules, r)
		}
	}
	return rules
}

// pairSet is the set of pairs of neighbouring bytes in a text.
type pairSet [1 << 16 / 64]uint64

func (p *pairSet) addAll(s string) {
	for i := 1; i < len(s); i++ {
		pair := uint16(s[i-1])<<8 | uint16(s[i])
		p[pair/64] |= 1 << (pair % 64)
	}
}

// may reports whether a text with these pairs can contain s.
func (p *pairSet) may(s string) bool {
	for i := 1; i < len(s); i++ {
		pair := uint16(s[i-1])<<8 | uint16(s[i])
		if p[pair/64]&(1<<(pair%64)) == 0 {
			return false
		}
	}
	return true
}

// exceptionLine is the line of a traceback that names the exception.
var exceptionLine = lazyregexp.New(`^((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?::|$)`)

// genericLines say that something failed and not what; a better clue near them
// is preferred.
var genericLine = lazyregexp.New(`^(?:Traceback \(most recent call last\)|Exit code \d+|Script error:?|FAIL$|FAILED$|Error:?$|ERROR:?$|exit status \d+|make(?:\[\d+\])?: \*\*\*.*|=+ FAILURES =+|npm (?:ERR!|error).*|.*ELIFECYCLE.*|(?:\[\S+\] )?(?:mise )?ERROR\s+task failed.*|FAIL\s+\S+ (?:\[build failed\]|\[setup failed\])|--- FAIL: .*|[Ee]rror: .*exit(?:ed)? (?:with )?(?:code|status) \d+.*)$`)

// best returns the clue that tells most: the heaviest, the first of equals; of
// a traceback the exception at its end.
func best(clues []clue) (clue, bool) {
	at := -1
	for i, c := range clues {
		if at < 0 || score(c) > score(clues[at]) {
			at = i
		}
	}
	if at < 0 {
		return clue{}, false
	}
	c := clues[at]
	if c.class == Exception && c.weight == verdict {
		for _, x := range clues[at+1:] { // the last exception is the one that was not handled
			if x.class == Exception && x.weight == verdict && !genericLine.MatchString(x.line) {
				c = x
			}
		}
	}
	return c, true
}

func score(c clue) int {
	s := 2 * c.weight
	if genericLine.MatchString(c.line) {
		s -= 3
	}
	return s
}
