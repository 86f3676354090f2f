package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"lode/cmd/lode/internal/reviewui"
	"lode/rules"
	"lode/session"
)

// atTerminal reports whether a person sits at both ends.
func (w *world) atTerminal() bool {
	in, isFile := w.stdin.(*os.File)
	out, toFile := w.stdout.(*os.File)
	return isFile && toFile && isTerminal(in) && isTerminal(out) && w.getenv("TERM") != "dumb" && !w.json && !w.quiet
}

// runReview shows the interface to a person, and the list to everyone else.
func runReview(ctx context.Context, g *globals, all bool) error {
	w, err := g.world()
	if err != nil {
		return err
	}
	if all || !w.atTerminal() {
		return runReviewList(g, all)
	}
	b, err := w.book()
	if err != nil {
		return err
	}
	if list, err := b.List(); err == nil && len(list) == 0 {
		return runReviewList(g, all) // nothing to show: said in a line
	}
	return reviewui.Run(ctx, w.reviewDesk(ctx))
}

// reviewDesk is where the interface decides: each decision under the lock, and
// on the book as it then is.
func (w *world) reviewDesk(ctx context.Context) reviewui.Desk {
	decide := func(f func(*rules.Book) (*rules.Proposal, error)) (d *rules.Proposal, err error) {
		err = w.withBook(func(b *rules.Book) (err error) {
			d, err = f(b)
			return err
		})
		return d, err
	}
	library := sync.OnceValues(w.library) // read when the first evidence is
	return reviewui.Desk{
		List: func() ([]*rules.Proposal, error) {
			b, err := w.book()
			if err != nil {
				return nil, err
			}
			return b.List()
		},
		Accept: func(id, root string) (*rules.Proposal, error) {
			if root != "" {
				var err error
				if root, err = folder(root); err != nil {
					return nil, err
				}
			}
			return decide(func(b *rules.Book) (*rules.Proposal, error) { return b.Accept(id, root, "") })
		},
		Reject: func(id, reason string) (*rules.Proposal, error) {
			return decide(func(b *rules.Book) (*rules.Proposal, error) { return b.Reject(id, reason) })
		},
		Snooze: func(id string, days int) (*rules.Proposal, error) {
			return decide(func(b *rules.Book) (*rules.Proposal, error) {
				return b.Snooze(id, "", b.Now.AddDate(0, 0, days))
			})
		},
		Undo: func(id string) (*rules.Proposal, error) {
			return decide(func(b *rules.Book) (*rules.Proposal, error) { return undo(ctx, b, id, "") })
		},
		Edit: func(id string) (*exec.Cmd, func(error) (*rules.Proposal, error), error) { return w.editing(ctx, id) },
		Evidence: func(ref string) (string, error) {
			lib, err := library()
			if err != nil {
				return "", err
			}
			return lib.around(ref)
		},
	}
}

// folder reads the name of a folder as a person types it.
func folder(name string) (string, error) {
	if rest, ok := cutHome(name); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		name = filepath.Join(home, rest)
	}
	if info, err := os.Stat(name); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%s is not a folder", name)
	}
	return filepath.Abs(name)
}

// editing prepares the page of a proposal for an editor.
func (w *world) editing(ctx context.Context, id string) (*exec.Cmd, func(error) (*rules.Proposal, error), error) {
	b, err := w.book()
	if err != nil {
		return nil, nil, err
	}
	d, err := b.Undecided(id)
	if err != nil {
		return nil, nil, err
	}
	if len(d.Added()) == 0 {
		return nil, nil, errNothingAdded
	}
	file, done, err := writeEditPage(d)
	if err != nil {
		return nil, nil, err
	}
	program := editorOf(w.getenv)
	keep := func(failed error) (*rules.Proposal, error) {
		defer done()
		if failed != nil {
			return nil, fmt.Errorf("the editor %q: %w (hint: set $EDITOR to another)", program, failed)
		}
		page, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		added := readEditPage(string(page))
		if pageOf(added) == pageOf(d.Added()) {
			return d, nil
		}
		err = w.withBook(func(b *rules.Book) (err error) {
			d, err = b.Edit(d.ID, added, "")
			return err
		})
		return d, err
	}
	return openEditor(ctx, program, file), keep, nil
}

// around returns the event of a reference with what came before and after it.
func (l *library) around(ref string) (string, error) {
	r, err := session.ParseRef(ref)
	if err != nil {
		return "", err
	}
	info, err := l.find(r)
	if err != nil {
		return "", err
	}
	s, err := l.load(info)
	if err != nil {
		return "", err
	}
	from, to, at, err := window(s, r, 2)
	if err != nil {
		return "", err
	}
	var b screen
	fmt.Fprintf(&b, "%s\n", s.Title)
	for i := from; i < to; i++ {
		e := &s.Events[i]
		mark := " "
		if i == at {
			mark = ">"
		}
		fmt.Fprintf(&b, "%s %s\n", mark, eventHead(s, e))
		b.text(middleOut(eventText(e), i == at), false)
	}
	return b.String(), nil
}

// middleOut keeps the beginning and the end of a text that is the evidence
// itself, where failures tell what failed.
func middleOut(text string, itself bool) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	const half = shownLines / 2
	if !itself || len(lines) <= shownLines {
		return text
	}
	left := fmt.Sprintf("… %s …", count(len(lines)-shownLines+1, "line"))
	return strings.Join(append(append(lines[:half:half], left), lines[len(lines)-half+1:]...), "\n")
}
