package ingest

import (
	"slices"
	"strings"

	"lode/session"
)

// markEchoes says of results that they are what lode told: by the mark that they
// bear, or by the command that lode was asked with. Where a command line does
// other work too, its output is news.
func markEchoes(s *session.Session) {
	asks := make(map[string]bool)
	for i := range s.Events {
		switch e := &s.Events[i]; {
		case e.Kind == session.Call && e.Act == session.Shell && strings.Contains(e.Command, "lode"):
			asks[e.CallID] = asksLode(e.Command)
		case e.Kind == session.Result && (session.IsEcho(e.Text) || e.CallID != "" && asks[e.CallID]),
			e.Kind == session.Result && strings.Contains(e.Text[:min(len(e.Text), 200)], session.LoopMark), // a brief, read in its file
			e.Kind == session.User && (lodeSays(e, session.LoopMark) || lodeSays(e, session.OwnMark)):
			e.Author = session.Injected
		}
	}
}

// What lode tells of sessions, and the programs that only pass on, cut or look
// for something in it.
var (
	tells  = strings.Fields("search show mine review brief events vault backtest")
	passes = strings.Fields("cd head tail grep rg jq less cat sort uniq wc cut sed awk tee echo true export")
)

// asksLode reports whether all that a command line does is to ask lode.
func asksLode(line string) bool {
	asked := false
	for _, words := range simpleCommands(line) {
		for len(words) > 0 && isAssignment(words[0]) {
			words = words[1:]
		}
		if len(words) == 0 {
			continue
		}
		switch program := words[0][strings.LastIndexByte(words[0], '/')+1:]; {
		case program == "lode" && slices.ContainsFunc(words[1:], func(w string) bool { return slices.Contains(tells, w) }):
			asked = true
		case !slices.Contains(passes, program):
			return false
		}
	}
	return asked
}

func isAssignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") == ""
}

// simpleCommands cuts a command line into commands of words, as far as quotes
// and separators go. It is not a shell: what it takes apart wrongly is not taken
// for lode's.
func simpleCommands(line string) (all [][]string) {
	var words []string
	var word strings.Builder
	open, quote := false, rune(0)
	end := func(command bool) {
		if open {
			words = append(words, word.String())
			word.Reset()
			open = false
		}
		if command && len(words) > 0 {
			all, words = append(all, words), nil
		}
	}
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, open = c, true
		case strings.ContainsRune("&|;\n()", c) && !(c == '&' && strings.HasSuffix(word.String(), ">")): // 2>&1
			end(true)
		case c == ' ' || c == '\t':
			end(false)
		default:
			word.WriteRune(c)
			open = true
		}
	}
	end(true)
	return all
}
