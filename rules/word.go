package rules

import (
	"fmt"
	"strings"

	"lode/miner"
	"lode/miner/command"
)

// Word words a pattern as a rule: one line, imperative, with the concrete
// command or path. Only what the agent itself ran or opened gets into it, and
// lode's own templates; never the text of a tool's output. It returns "" when
// there is nothing fit to say.
func Word(p *miner.Pattern) string {
	rule := wording(p)
	if len(strings.Fields(rule)) > maxWords {
		return ""
	}
	return rule
}

const maxWords = 30

func wording(p *miner.Pattern) string {
	subject, entity := code(strings.TrimSuffix(p.Subject, " <path>")), code(p.Entity)
	var use, instead string
	if p.Fix != nil {
		use, instead = code(p.Fix.Command), code(strings.TrimSuffix(p.Fix.InsteadOf, " <path>"))
		if instead == "" { // it cannot be shown
			instead = subject
		}
		if use == instead {
			use = ""
		}
	}
	missing := p.Class == miner.MissingTool || p.Class == miner.MissingModule
	switch {
	case p.Kind == "analyst":
		return p.Rule // checked when the answer was read
	case p.Kind == "request":
		return requestAdvice[p.Class]
	case p.Kind == "finding":
		return findingRule(p, subject, use)
	case classAdvice[p.Class] != "":
		return classAdvice[p.Class]
	case subject == "":
		return ""
	case p.Kind == "environment":
		return environmentRule(p, subject, use)
	case p.Class == miner.DoneWhileRed:
		return fmt.Sprintf("Do not call work done while %s is red: run it after the last edit, and say what still fails.", subject)
	case p.Kind == "refused":
		return fmt.Sprintf("Do not run %s without asking first: it has been refused again and again.", subject)
	case p.Kind == "shortcut" && p.Class == "stash":
		return "Do not stash changes to see what a check says without them: use a second worktree (`git worktree add`)."
	case p.Kind == "shortcut":
		return fmt.Sprintf("Do not pass by hooks with %s: fix what they find.", subject)
	case p.Kind == "forgotten-check":
		return fmt.Sprintf("Run %s and fix what it finds before each commit, and before you call a change done.", subject)
	case p.Kind == "wrong-path" && p.Class == miner.GuessedNames:
		return "Do not guess file names: list the folder, or Glob for the name, before opening a file."
	case p.Kind == "wrong-path" && p.Class == miner.WrongFolder:
		return fmt.Sprintf("Do not `cd` into %s again: the shell stays in a folder between calls. Use paths from where it is, or absolute ones.", subject)
	case p.Kind == "wrong-path":
		return pathRule(p, subject, use)
	case p.Class == miner.ShellSyntax && strings.Contains(p.Template, "no matches found"):
		return "Quote arguments that contain `*` or `?`, as in `--include=\"*.go\"`: the shell aborts a command whose glob matches nothing."
	case p.Class == miner.ShellSyntax && p.Entity == miner.Backticks:
		return "Do not put backticks inside double quotes in a shell command: the shell runs them. Use single quotes, or write the text to a file."
	case missing && use != "" && entity != "" && strings.Contains(p.Fix.Command, "install"):
		return fmt.Sprintf("If %s is missing, install it with %s.", entity, use)
	case missing && use != "" && entity != "" && strings.Contains(p.Fix.Command, p.Entity):
		return fmt.Sprintf("%s %s, not with %s, which is not available here.", verb(p.Role), use, instead)
	case missing && use != "" && entity != "":
		return fmt.Sprintf("%s %s: %s is not available here.", verb(p.Role), use, entity)
	case missing && use == "" && entity != "":
		return fmt.Sprintf("Do not call %s: it is not available here.", entity)
	case p.Class == miner.UsageError && use != "" && strings.Contains(p.Template, "build constraints exclude"):
		return fmt.Sprintf("Some tests need a build tag: run them with %s.", use)
	case p.Class == miner.UsageError && use != "" && entity != "":
		return fmt.Sprintf("Use %s instead of %s: %s is not accepted.", use, instead, entity)
	case p.Class == miner.UsageError && entity != "" && strings.HasSuffix(subject, " "+entity[1:]):
		return fmt.Sprintf("Do not call %s: there is no such command.", subject)
	case p.Class == miner.UsageError && strings.HasPrefix(p.Entity, "-") && entity != "":
		return fmt.Sprintf("Do not call %s: %s is not accepted here.", code(strings.Trim(subject, "`")+" "+p.Entity), entity)
	case p.Class == miner.UsageError && entity != "":
		return fmt.Sprintf("Do not use %s with %s: it is not accepted.", entity, subject)
	case use != "":
		return fmt.Sprintf("Use %s instead of %s, which fails here.", use, instead)
	}
	return ""
}

func pathRule(p *miner.Pattern, wrong, right string) string {
	switch {
	case p.Class == miner.NotAFile && right != "":
		return fmt.Sprintf("%s is a folder: open the files in it, such as %s.", wrong, right)
	case p.Class == miner.NotAFile:
		return fmt.Sprintf("%s is a folder, not a file: list it first.", wrong)
	case right != "":
		return fmt.Sprintf("There is no %s: use %s.", wrong, right)
	}
	return fmt.Sprintf("There is no %s: do not look for it there.", wrong)
}

// findingRule words a finding that keeps coming back: what to write instead,
// where lode knows the rule, and the check that finds it.
func findingRule(p *miner.Pattern, check, format string) string {
	fails := "fails the checks of this project"
	if check != "" {
		fails = "fails " + check
	}
	if format != "" && strings.HasPrefix(strings.Trim(format, "`"), strings.Trim(check, "`")) {
		fails = "fails the checks of this project"
	}
	name := code(p.Entity)
	switch advice := findingAdvice[p.Entity]; {
	case p.Entity == miner.Unformatted && format != "":
		return fmt.Sprintf("Run %s after editing: unformatted code %s.", format, fails)
	case p.Entity == miner.Unformatted:
		return fmt.Sprintf("Format the files you edit: unformatted code %s.", fails)
	case name == "":
		return ""
	case advice != "":
		return fmt.Sprintf("%s: %s %s.", advice, name, fails)
	case check != "":
		return fmt.Sprintf("Heed %s while you write: %s keeps failing on it.", name, check)
	}
	return fmt.Sprintf("Heed %s while you write: it %s.", name, fails)
}

// environmentRule words what to do where a command is stopped by its surroundings.
func environmentRule(p *miner.Pattern, command, use string) string {
	if use != "" {
		return fmt.Sprintf("In a sandbox use %s: the usual cache is not writable there.", use)
	}
	if p.Class == miner.Userland {
		command = gnuForms(p)
	}
	if advice := environmentAdvice[p.Class]; advice != "" {
		return strings.ReplaceAll(advice, "{}", command)
	}
	return ""
}

// gnuForms lists what was used that only GNU's tools take.
func gnuForms(p *miner.Pattern) string {
	var forms []string
	for _, f := range p.Forms {
		if c := code(f); c != "" && len(forms) < maxForms {
			forms = append(forms, c)
		}
	}
	if len(forms) == 0 {
		return "what only GNU's know"
	}
	return strings.Join(forms, ", ")
}

const maxForms = 4

func verb(role string) string {
	switch command.Role(role) {
	case command.Test:
		return "Run tests with"
	case command.Lint:
		return "Lint with"
	case command.Build:
		return "Build with"
	}
	return "Work with"
}

const maxCode = 80

// code writes a command or path as code. What could break out of it, hide in
// it, or is too long to read, gives "".
func code(s string) string {
	if strings.TrimSpace(s) == "" || len(s) > maxCode || strings.Contains(s, "<secret:") {
		return ""
	}
	for _, r := range s {
		if r < ' ' || r == '`' || r == 0x7f || r > '~' {
			return ""
		}
	}
	return "`" + s + "`"
}
