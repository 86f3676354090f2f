package command

import (
	"strings"

	"lode/session/lazyregexp"
)

// Role is what a program does in a command line.
type Role string

// The roles of programs.
const (
	Shell     Role = "shell"     // changes the shell: cd, export, set
	Print     Role = "print"     // echo, printf
	View      Role = "view"      // shows files or history
	Search    Role = "search"    // exit 1 means that nothing was found
	List      Role = "list"      // ls, stat
	Predicate Role = "predicate" // a non-zero exit is an answer
	Test      Role = "test"      // runs tests
	Build     Role = "build"     // compiles
	Lint      Role = "lint"      // checks style or types
	Script    Role = "script"    // runs a program in an interpreter, or one of the project's own
	VCS       Role = "vcs"       // changes a repository
	Package   Role = "package"   // installs
	Network   Role = "network"   // talks to a server
	Other     Role = "other"
)

// roles of programs that have one whatever their arguments.
var roles = map[string]Role{
	"cd": Shell, "export": Shell, "set": Shell, "source": Shell, ".": Shell, "alias": Shell, "unset": Shell, "pushd": Shell,
	"popd": Shell, "true": Shell, "false": Shell, ":": Shell, "exit": Shell, "wait": Shell, "sleep": Shell, "eval": Shell, "ulimit": Shell, "local": Shell,
	"echo": Print, "printf": Print,
	"cat": View, "head": View, "tail": View, "less": View, "more": View, "nl": View, "bat": View, "batcat": View, "od": View, "xxd": View,
	"hexdump": View, "strings": View, "wc": View, "cut": View, "sort": View, "uniq": View, "tr": View, "jq": View, "yq": View,
	"column": View, "fold": View, "awk": View, "gawk": View, "paste": View, "rev": View, "tac": View, "tee": View, "pwd": View,
	"date": View, "env": View, "printenv": View, "whoami": View, "id": View, "uname": View, "ps": View, "df": View, "du": View,
	"tree": View, "file": View, "man": View, "history": View, "basename": View, "dirname": View, "realpath": View, "md5sum": View, "sha256sum": View, "base64": View,
	"grep": Search, "egrep": Search, "fgrep": Search, "rg": Search, "ag": Search, "ack": Search, "find": Search, "fd": Search,
	"fdfind": Search, "locate": Search, "zgrep": Search, "ast-grep": Search, "sg": Search,
	"ls": List, "stat": List, "eza": List, "exa": List, "readlink": List,
	"test": Predicate, "[": Predicate, "[[": Predicate, "diff": Predicate, "cmp": Predicate, "which": Predicate, "type": Predicate,
	"command": Predicate, "hash": Predicate, "pgrep": Predicate, "comm": Predicate, "where": Predicate, "whereis": Predicate, "lsof": Predicate,
	"pytest": Test, "py.test": Test, "tox": Test, "nox": Test, "unittest": Test, "nose2": Test, "jest": Test, "vitest": Test, "mocha": Test,
	"ava": Test, "tap": Test, "rspec": Test, "ctest": Test, "phpunit": Test, "pest": Test, "gotestsum": Test, "nextest": Test, "bats": Test,
	"make": Build, "cmake": Build, "ninja": Build, "gcc": Build, "g++": Build, "cc": Build, "clang": Build, "clang++": Build, "rustc": Build,
	"javac": Build, "tsc": Build, "webpack": Build, "vite": Build, "rollup": Build, "esbuild": Build, "msbuild": Build, "xcodebuild": Build,
	"swiftc": Build, "kotlinc": Build, "ghc": Build, "tsup": Build, "turbo": Build, "protoc": Build, "buf": Build,
	"eslint": Lint, "prettier": Lint, "ruff": Lint, "flake8": Lint, "pylint": Lint, "mypy": Lint, "pyright": Lint, "black": Lint, "isort": Lint,
	"golangci-lint": Lint, "staticcheck": Lint, "gofmt": Lint, "goimports": Lint, "gofumpt": Lint, "shellcheck": Lint, "biome": Lint, "stylelint": Lint,
	"rubocop": Lint, "clippy": Lint, "pre-commit": Lint, "lefthook": Lint, "hadolint": Lint, "knip": Lint, "oxlint": Lint, "markdownlint": Lint, "actionlint": Lint,
	"pip": Package, "apt": Package, "apt-get": Package, "brew": Package, "conda": Package, "gem": Package, "dnf": Package, "yum": Package, "apk": Package, "pacman": Package,
	"curl": Network, "wget": Network, "ssh": Network, "scp": Network, "rsync": Network, "nc": Network, "ping": Network, "gh": Network, "glab": Network, "aws": Network, "gcloud": Network, "az": Network, "http": Network,
	"python": Script, "node": Script, "ruby": Script, "perl": Script, "php": Script, "bash": Script, "sh": Script, "zsh": Script, "ts-node": Script, "tsx": Script, "Rscript": Script, "lua": Script, "ipython": Script,
}

// subRoles are the roles of the subcommands of programs that do many things.
// A subcommand that is not listed has the role under "".
var subRoles = map[string]map[string]Role{
	"git": {"": VCS, "log": View, "show": View, "diff": View, "status": View, "blame": View, "branch": View, "tag": View, "remote": View, "reflog": View,
		"shortlog": View, "worktree": VCS, "stash": VCS, "grep": Search, "ls-files": View, "ls-tree": View, "ls-remote": Predicate, "rev-parse": Predicate,
		"rev-list": View, "show-ref": Predicate, "merge-base": Predicate, "cat-file": Predicate, "config": Predicate, "check-ignore": Predicate,
		"symbolic-ref": Predicate, "describe": Predicate, "name-rev": Predicate, "for-each-ref": View, "diff-tree": View, "merge-tree": Predicate, "help": View, "version": View},
	"go":         {"": Build, "test": Test, "vet": Lint, "fmt": Lint, "run": Script, "env": View, "doc": View, "list": View, "version": View, "get": Package, "mod": Package, "install": Package, "work": Package},
	"cargo":      {"": Build, "test": Test, "nextest": Test, "clippy": Lint, "fmt": Lint, "run": Script, "add": Package, "install": Package, "update": Package, "tree": View, "metadata": View},
	"npm":        {"": Script, "test": Test, "t": Test, "install": Package, "i": Package, "ci": Package, "add": Package, "ls": View, "view": View, "start": Script},
	"yarn":       {"": Script, "test": Test, "install": Package, "add": Package},
	"pnpm":       {"": Script, "test": Test, "install": Package, "i": Package, "add": Package},
	"bun":        {"": Script, "test": Test, "install": Package, "add": Package},
	"deno":       {"": Script, "test": Test, "lint": Lint, "fmt": Lint, "check": Lint},
	"dotnet":     {"": Build, "test": Test, "run": Script, "add": Package, "restore": Package},
	"mvn":        {"": Build, "test": Test, "verify": Test},
	"mix":        {"": Build, "test": Test, "format": Lint},
	"swift":      {"": Build, "test": Test, "run": Script},
	"bazel":      {"": Build, "test": Test, "query": View},
	"docker":     {"": Other, "ps": View, "logs": View, "images": View, "inspect": View, "exec": Script, "run": Script},
	"gh":         {"": Network},
	"uv":         {"": Package, "run": Script},
	"poetry":     {"": Package, "run": Script},
	"terraform":  {"": Build, "fmt": Lint, "validate": Lint, "plan": Build},
	"playwright": {"": Script, "test": Test},
	"cypress":    {"": Script, "run": Test},
	"rake":       {"": Script, "test": Test, "spec": Test},
	"rails":      {"": Script, "test": Test},
	"flutter":    {"": Build, "test": Test, "analyze": Lint},
	"zig":        {"": Build, "test": Test},
}

// runners hand a named task to something else: make test, npm run lint, just
// check. The task's name tells the role.
var runners = map[string]bool{"make": true, "gmake": true, "npm": true, "yarn": true, "pnpm": true, "bun": true, "just": true, "task": true,
	"mise": true, "gradle": true, "gradlew": true, "rake": true, "nox": true, "invoke": true, "inv": true, "composer": true, "grunt": true, "gulp": true, "turbo": true, "nx": true}

var (
	testWord  = lazyregexp.New(`(?i)(^|[-_./:])(run[-_]?)?(unit|integration|e2e)?[-_]?(tests?|specs?|check)($|[-_./:])`)
	lintWord  = lazyregexp.New(`(?i)(^|[-_./:])(lint|fmt|format|typecheck|type-check|types|tsc|style|vet)($|[-_./:])`)
	buildWord = lazyregexp.New(`(?i)(^|[-_./:])(build|compile|bundle|dist)($|[-_./:])`)
)

// roleOf works out the role of a program.
func roleOf(p *Program) Role {
	if runners[p.Name] && p.Sub != "" {
		if r, ok := taskRole(p.Sub); ok {
			return r
		}
	}
	if subs, ok := subRoles[p.Name]; ok {
		if r, ok := subs[p.Sub]; ok {
			return adjusted(p, r)
		}
		return subs[""]
	}
	switch p.Name {
	case "sed", "perl":
		for _, a := range p.Args {
			if strings.HasPrefix(a, "-i") || strings.HasPrefix(a, "--in-place") || strings.HasPrefix(a, "-pi") {
				return Other // edits files
			}
		}
		if p.Name == "sed" {
			return View
		}
	case "python":
		return pythonRole(p)
	case "node":
		if p.Sub != "" && testWord.MatchString(p.Sub) || hasArg(p, "--test") {
			return Test
		}
	}
	own := strings.Contains(p.Path, "/") && !strings.HasPrefix(p.Path, "/") // bin/test is not the shell's test
	if r, ok := roles[p.Name]; ok && !(own && r == Predicate) {
		return r
	}
	if strings.Contains(p.Path, "/") || strings.Contains(p.Name, ".") { // a program of the project
		if testWord.MatchString(p.Path) {
			return Test
		}
		if r, ok := taskRole(p.Name); ok {
			return r
		}
		return Script
	}
	return Other
}

func taskRole(task string) (Role, bool) {
	switch {
	case lintWord.MatchString(task):
		return Lint, true
	case testWord.MatchString(task):
		return Test, true
	case buildWord.MatchString(task):
		return Build, true
	}
	return "", false
}

// adjusted refines a role by arguments.
func adjusted(p *Program, r Role) Role {
	if p.Name == "git" {
		switch p.Sub {
		case "diff":
			if hasArg(p, "--quiet") || hasArg(p, "--exit-code") || hasArg(p, "--check") {
				return Predicate
			}
		case "branch", "tag":
			if hasArg(p, "-d") || hasArg(p, "-D") || hasArg(p, "-m") || hasArg(p, "-a") && p.Sub == "tag" {
				return VCS
			}
		case "worktree", "stash":
			if hasArg(p, "list") {
				return View
			}
		}
	}
	return r
}

// pythonRole tells python -m pytest from a script and from a one-liner.
func pythonRole(p *Program) Role {
	if hasArg(p, "-m") {
		switch p.Sub {
		case "pytest", "unittest", "nose", "tox":
			return Test
		case "pip", "venv":
			return Package
		case "mypy", "ruff", "flake8", "pylint", "black", "isort":
			return Lint
		}
		return Script
	}
	base := p.Sub[strings.LastIndexByte(p.Sub, '/')+1:]
	if base == "manage.py" && hasArg(p, "test") || strings.HasPrefix(base, "runtests") || base == "run_tests.py" || strings.HasSuffix(p.Sub, "bin/test") {
		return Test
	}
	return Script
}

func hasArg(p *Program, arg string) bool {
	for _, a := range p.Args {
		if a == arg {
			return true
		}
	}
	return false
}

// HasArg reports whether one of the program's words is arg.
func (p *Program) HasArg(arg string) bool { return hasArg(p, arg) }

// subcommand finds the word that says what a program of many uses does.
func subcommand(p *Program) string {
	if p.Name == "python" {
		return pythonTarget(p.Args)
	}
	_, many := subRoles[p.Name]
	if !many && !runners[p.Name] && !interpreters[p.Name] && !nested[p.Name] {
		return ""
	}
	skip := false
	for i, a := range p.Args {
		switch {
		case skip:
			skip = false
		case a == "-C" || a == "-c" && p.Name == "git" || a == "--git-dir" || a == "-f" && p.Name == "make" || a == "--prefix" || a == "--cwd" || a == "--dir" || a == "--filter" || a == "-w":
			skip = true
		case strings.HasPrefix(a, "-") || a == "":
		case strings.Contains(a, "=") && p.Name == "make":
		case a == "run" && runners[p.Name], a == "run-script", a == "exec" && runners[p.Name], a == "compose" && p.Name == "docker":
			if i+1 < len(p.Args) {
				continue
			}
			return a
		default:
			if nested[p.Name] && i+1 < len(p.Args) && isVerb(p.Args[i+1]) {
				return a + " " + p.Args[i+1]
			}
			return a
		}
	}
	return ""
}

// nested lists the programs whose subcommands have subcommands.
var nested = map[string]bool{"gh": true, "glab": true, "aws": true, "gcloud": true, "az": true, "kubectl": true}

func isVerb(word string) bool {
	return word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz-") == "" && word[0] != '-'
}

var interpreters = map[string]bool{"node": true, "ruby": true, "php": true, "bash": true, "sh": true, "zsh": true, "ts-node": true, "tsx": true, "lua": true, "Rscript": true}

// pythonTarget returns the module of python -m, or the script.
func pythonTarget(args []string) string {
	for i, a := range args {
		switch {
		case a == "-m" && i+1 < len(args):
			return args[i+1]
		case a == "-c" || a == "-":
			return ""
		case a == "-W" || a == "-X":
		case strings.HasPrefix(a, "-"):
		default:
			if i > 0 && (args[i-1] == "-W" || args[i-1] == "-X") {
				continue
			}
			return a
		}
	}
	return ""
}

// wrapper returns how many leading words only wrap another program, or 0.
func wrapper(words []string) int {
	switch baseName(words[0]) {
	case "sudo", "nohup", "time", "nice", "exec", "stdbuf", "unbuffer", "builtin", "caffeinate", "ionice", "chronic", "xvfb-run", "doas", "noglob":
		return afterFlags(words, 1)
	case "command":
		if len(words) > 1 && strings.HasPrefix(words[1], "-") {
			return 0 // command -v asks
		}
		return 1
	case "env":
		n := afterFlags(words, 1)
		for n < len(words) && strings.Contains(words[n], "=") {
			n++
		}
		if n >= len(words) {
			return 0
		}
		return n
	case "timeout", "gtimeout":
		return afterFlags(words, 1) + 1
	case "xargs":
		return xargs(words)
	case "npx", "bunx", "pnpx", "uvx", "pipx":
		return afterFlags(words, 1)
	case "uv", "poetry", "pipenv", "pdm", "hatch", "rye", "conda", "mise", "asdf", "direnv", "bundle", "pnpm", "npm", "yarn", "dotenv":
		return runWrapper(words)
	}
	return 0
}

// runWrapper knows "uv run X", "poetry run X", "bundle exec X", "mise exec -- X".
func runWrapper(words []string) int {
	if len(words) < 3 {
		return 0
	}
	verb := words[1]
	if verb != "exec" && verb != "x" && (verb != "run" || runners[baseName(words[0])]) {
		return 0
	}
	for i := 2; i < len(words); i++ {
		if words[i] == "--" {
			return i + 1
		}
	}
	if baseName(words[0]) == "direnv" {
		return 3
	}
	return afterFlags(words, 2)
}

// afterFlags passes over flags that stand by themselves. A flag's value that
// stands apart ends up as the program, which is rare and harmless.
func afterFlags(words []string, n int) int {
	for n < len(words) && strings.HasPrefix(words[n], "-") {
		n++
	}
	return n
}

func xargs(words []string) int {
	n := 1
	for n < len(words) && strings.HasPrefix(words[n], "-") {
		if f := words[n]; len(f) == 2 && strings.ContainsAny(f[1:], "InLPsdE") {
			n++
		}
		n++
	}
	if n >= len(words) {
		return 0
	}
	return n
}
