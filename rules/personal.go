package rules

import (
	"lode/miner"
	"lode/session/lazyregexp"
)

// machinePath is a path that only one person's machine has.
var machinePath = lazyregexp.New("(?:^|[\\s`'\"=:(])(?:~/|/home/|/Users/|/root/|/opt/homebrew/|/usr/local/|/var/folders/|[A-Z]:\\\\)")

// machineCauses are the surroundings that belong to a machine, by cause. What a
// sandbox of an agent does not allow is so for all who use that agent.
var machineCauses = map[string]bool{"encoding": true, "signing": true, "partial-clone": true, "gnu": true, "docker": true, "disk": true, "memory": true, "display": true, "login": true}

// ofMachine says why a rule is about one machine and not about the project, ""
// when it is not: it names a path of the home folder, a tool that is not
// installed where nothing of the project takes its place, or surroundings.
func ofMachine(p *miner.Pattern, rule string) string {
	switch {
	case machinePath.MatchString(rule):
		return "it names a path of this machine"
	case p.Kind == "environment" && machineCauses[p.Class]:
		return "it is about this machine"
	case (p.Class == miner.MissingTool || p.Class == miner.MissingModule) && p.Fix == nil:
		return "it is about what is installed on this machine"
	}
	return ""
}
