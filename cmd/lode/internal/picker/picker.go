// Package picker is the search at the terminal: it searches with every letter
// that is typed, shows what was found with a piece of its session, and opens it.
//
// Model is a tea.Model that can be tested without a terminal; Run puts it on
// one. Searches and reads run beside the keys, one of each at a time, and only
// for what is wanted last: typing never waits for them. It stores nothing.
package picker

import (
	"context"
	"errors"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Desk is where the picker gets its answers. The functions run beside each
// other.
type Desk struct {
	// Search finds the sessions for a query; for an empty one, the newest. The
	// last word may not be at its end yet.
	Search func(ctx context.Context, query string) (Found, error)

	// Close finds what is close to a query for which Search found nothing, or
	// says why there is nothing. That may take longer: it is asked for when the
	// typing pauses.
	Close func(ctx context.Context, query string) (Found, error)

	// Read loads the surroundings of a reference.
	Read func(ref string) (Page, error)

	// Now is the present time, for days.
	Now time.Time
}

// Found is the answer to a query.
type Found struct {
	Hits  []Hit
	Total string   // how many hits in all, in words
	Notes []string // about the answer
}

// Hit is a session, with its best place for the query.
type Hit struct {
	Ref     string
	Project string
	Agent   string
	Title   string
	What    string // as "Bash failed", "user"
	Time    time.Time
	Snippet string
	Marks   [][2]int // what was found in the snippet, as byte offsets
	More    int      // further hits in the session
}

// Page is a part of a session.
type Page struct {
	Title  string
	About  string // name, project, model, folder
	Events []Event
	Left   int    // events that are not in it
	Resume string // the command that goes on with the session; may be empty
}

// Event is one thing in a session.
type Event struct {
	Head, Text string
	At         bool // the one that was asked for
}

// Run shows the picker until it is left. It returns the command with which the
// person wants to go on with a session, or "".
func Run(ctx context.Context, d Desk, query string, in io.Reader, out io.Writer) (resume string, err error) {
	m := New(d)
	m.field.set(query)
	last, err := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out)).Run()
	if errors.Is(err, tea.ErrInterrupted) || ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", err
	}
	return last.(*Model).resume, nil
}
