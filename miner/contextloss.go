package miner

import "lode/session"

const contextLossKind = "context-loss"

// contextLoss finds what is done once more because a compaction took it away.
var contextLoss = Detector{
	Name: contextLossKind,
	Doc:  "after a compaction: files that were read before and not changed are read again, and a call that failed before fails again; not the one file that is worked on",
	Find: findContextLoss,
}

const (
	soonAfter  = 40 // results after a compaction that are looked at
	minReReads = 3  // of different files
)

func findContextLoss(v *View, emit func(Signal)) {
	read := make(map[string]bool)   // files, since they were changed last
	failed := make(map[string]bool) // calls with their failures
	var before, failedBefore map[string]bool
	var lost *Signal
	files, left := 0, 0
	end := func() {
		if lost != nil && files >= minReReads {
			emit(*lost)
		}
		lost, files, left = nil, 0, 0
	}
	next := 0
	for i := range v.Events {
		e := &v.Events[i]
		switch {
		case e.Kind == session.Note && e.Act == session.Compacted:
			end()
			before, failedBefore, left = read, failed, soonAfter
			read, failed = make(map[string]bool), make(map[string]bool)
			lost = &Signal{Kind: contextLossKind, Key: "read-again", Class: "read-again", Event: e, Barred: "a habit of the agent's own tools"}
		case e.Kind == session.Call && v.changes(e):
			delete(read, e.Command)
			delete(before, e.Command)
		case e.Kind == session.Result:
			k := next
			next++
			_, what := e.Subject()
			if left--; left == 0 {
				end()
			}
			switch again := what + "\x00" + e.Fingerprint; {
			case e.Action() == session.Read && e.Outcome == session.OK:
				if left > 0 && before[what] {
					files++
					lost.Cost.add(v.costOf(k))
					delete(before, what)
				}
				read[what] = true
			case e.Outcome == session.Failed && e.Fingerprint != "":
				if left > 0 && failedBefore[again] && e.Class != TestFailure {
					s := Signal{Kind: contextLossKind, Key: "failed-again", Class: "failed-again", Event: e, Cost: v.costOf(k), Barred: "a habit of the agent's own tools"}
					emit(s)
				}
				failed[again] = true
			}
		}
	}
	end()
}
