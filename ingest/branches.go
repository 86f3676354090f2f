package ingest

import "lode/session"

// branches follows a transcript whose records name their parent. Going back to
// an earlier record starts a branch; what was left stays in the file.
type branches struct {
	nodes map[string]node
	leaf  string // the newest record
}

type node struct {
	parent string
	asked  string // the beginning of what the person said there
	acted  bool   // somebody spoke or did something there
}

// grow adds a record as a child of parent, which becomes the leaf.
func (b *branches) grow(id, parent string) {
	if id == "" {
		return
	}
	if b.nodes == nil {
		b.nodes = make(map[string]node)
	}
	b.nodes[id] = node{parent: parent}
	b.leaf = id
}

func (b *branches) has(id string) bool { _, ok := b.nodes[id]; return ok }

// say notes an event at the leaf. It must be clean and without secrets: what
// is cut off here could not be recognised later.
func (b *branches) say(e *session.Event) {
	n, ok := b.nodes[b.leaf]
	if !ok {
		return
	}
	n.acted = true
	if n.asked == "" && e.Author == session.Human {
		n.asked = session.Quote(e.Text, 120)
	}
	b.nodes[b.leaf] = n
}

// left returns what is abandoned by going back to a record: the beginning of
// the first human words on the way there from the leaf, and whether anything
// was said or done on it. An unknown record stands for the root.
func (b *branches) left(to string) (asked string, acted bool) {
	at := b.leaf
	for range len(b.nodes) {
		n, ok := b.nodes[at]
		if !ok || at == to {
			break
		}
		acted = acted || n.acted
		if n.asked != "" {
			asked = n.asked
		}
		at = n.parent
	}
	return asked, acted
}

// goBack makes an earlier record the leaf.
func (b *branches) goBack(to string) { b.leaf = to }
