package index

import "strings"

// forms returns what other forms of an English word would be, regular ones
// only, some of which are no words: plurals, -ed and -ing. They are looked for
// in prose, beside the word itself, so that nothing is stemmed in the index.
func forms(word string) []string {
	if len(word) < 3 || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
		return nil
	}
	stem := stemOf(word)
	last := stem[len(stem)-1]
	all := []string{stem, stem + "s", stem + "ed", stem + "ing"}
	switch {
	case last == 'e':
		all = append(all, stem+"d", stem[:len(stem)-1]+"ing")
	case last == 'y' && len(stem) > 2 && !isVowel(stem[len(stem)-2]):
		all = append(all, stem[:len(stem)-1]+"ies", stem[:len(stem)-1]+"ied")
	case strings.HasSuffix(stem, "s"), strings.HasSuffix(stem, "x"), strings.HasSuffix(stem, "ch"), strings.HasSuffix(stem, "sh"):
		all = append(all, stem+"es")
	case !isVowel(last) && len(stem) > 2 && isVowel(stem[len(stem)-2]):
		all = append(all, stem+string(last)+"ed", stem+string(last)+"ing")
	}
	if stem != word && last != 'e' && (strings.HasSuffix(word, "ing") || strings.HasSuffix(word, "ed")) {
		all = append(all, stem+"e", stem+"es") // making, make
	}
	var others []string
	for _, f := range all {
		if f != word {
			others = append(others, f)
		}
	}
	return others
}

// stemOf takes the ending of a plural, -ed or -ing from a word, where something
// that can be a word is left.
func stemOf(word string) string {
	for _, ending := range []struct{ from, to string }{
		{"ies", "y"}, {"ied", "y"}, {"sses", "ss"}, {"shes", "sh"}, {"ches", "ch"}, {"xes", "x"}, {"ing", ""}, {"ed", ""}, {"s", ""},
	} {
		stem, ok := strings.CutSuffix(word, ending.from)
		if !ok {
			continue
		}
		if stem += ending.to; len(stem) < 3 || !strings.ContainsAny(stem, "aeiouy") || ending.from == "s" && strings.HasSuffix(stem, "s") ||
			ending.from == "s" && (strings.HasSuffix(stem, "u") || strings.HasSuffix(stem, "i")) {
			return word
		}
		if n := len(stem); ending.to == "" && ending.from != "s" && stem[n-1] == stem[n-2] && !isVowel(stem[n-1]) && stem[n-1] != 'l' && stem[n-1] != 's' {
			stem = stem[:n-1] // running, run
		}
		return stem
	}
	return word
}

func isVowel(c byte) bool { return strings.IndexByte("aeiou", c) >= 0 }
