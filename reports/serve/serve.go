// Package serve shows the pages of reports in a browser as the state is now, and
// takes decisions there.
//
// A Handler knows nothing of files: what it shows, finds and decides goes through
// the interfaces in Options, each with the functions that the commands use, too.
// Asking changes nothing; every change is a form that is posted. Who may ask is
// for guard.go to say. It stores nothing.
package serve

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"lode/loop"
	"lode/reports"
	"lode/rules"
	"lode/session"
)

// State is what pages are made from.
type State interface {
	// Version changes when anything changes that pages show. It is asked often.
	Version() string
	Input() (reports.Input, error)
}

// Searcher finds places in past sessions; page counts from 1.
type Searcher interface {
	Search(ctx context.Context, query string, page int) (reports.Found, error)
}

// Decider decides on proposals. seen is reports.Seen of the change that the
// person saw: another is refused with ErrOther.
type Decider interface {
	Accept(id, seen, root string) (*rules.Proposal, error)
	Edit(id, seen string, added []string) (*rules.Proposal, error)
	Reject(id, reason string) (*rules.Proposal, error)
	Snooze(id string, days int) (*rules.Proposal, error)
	Undo(ctx context.Context, id string) (*rules.Proposal, error)
}

// Runner leads runs; each function returns what came of it, a key of told.
type Runner interface {
	Say(run, text string) (string, error)
	Pause(run string) (string, error)
	Stop(run string) (string, error)
	Resume(run string, iterations int) (string, error)
	Approve(run, check string, yes bool, why string) (string, error)
}

// ErrBusy says that another lode works on the state: nothing was decided.
var ErrBusy = errors.New("another lode is working on this state folder; nothing was done (hint: try again when it has ended)")

// ErrOther says that the change is not the one that the person saw.
var ErrOther = errors.New("the proposal was made anew since you opened its page; nothing was done (hint: look at it, then decide again)")

// Options are what a handler is made of.
type Options struct {
	Hosts  []string // by which it may be asked, each with its port
	Base   string   // the path that all pages lie below, as "/x/": cookies know paths, but no ports
	Token  string   // what a browser shows to get its key
	Random func() string

	State    State
	Searcher Searcher
	Decider  Decider
	Runner   Runner
}

//go:embed page.js
var script []byte

type handler struct{ Options }

// New returns the handler.
func New(o Options) http.Handler {
	h := &handler{o}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+o.Base+"{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "index.html", http.StatusSeeOther)
	})
	mux.HandleFunc("GET "+o.Base+"style.css", func(w http.ResponseWriter, _ *http.Request) { send(w, "text/css", reports.Style()) })
	mux.HandleFunc("GET "+o.Base+"page.js", func(w http.ResponseWriter, _ *http.Request) { send(w, "text/javascript", script) })
	mux.HandleFunc("GET "+o.Base+"version", func(w http.ResponseWriter, _ *http.Request) { send(w, "text/plain", []byte(h.State.Version())) })
	mux.HandleFunc("GET "+o.Base+"search.html", h.search)
	mux.HandleFunc("GET "+o.Base+"{page}", func(w http.ResponseWriter, r *http.Request) {
		h.page(w, r, http.StatusOK, r.PathValue("page"), &reports.Live{Notice: told[r.FormValue("did")]})
	})
	mux.HandleFunc("POST "+o.Base+"decide", h.decide)
	mux.HandleFunc("POST "+o.Base+"run", h.run)
	return newGuard(o, mux)
}

func send(w http.ResponseWriter, kind string, body []byte) {
	w.Header().Set("Content-Type", kind+"; charset=utf-8")
	w.Write(body)
}

// page sends a page of reports.
func (h *handler) page(w http.ResponseWriter, r *http.Request, status int, file string, live *reports.Live) {
	live.Version = h.State.Version() // before what it stands for: a change between the two is seen
	live.Token = formToken(r)
	live.At = r.FormValue("at")
	live.From, _ = strconv.Atoi(r.FormValue("from"))
	live.Notice = session.Clean(live.Notice)
	in, err := h.State.Input()
	var text bytes.Buffer
	if err == nil {
		err = live.Serve(&text, in, file)
	}
	switch {
	case err != nil && file == "message.html":
		http.Error(w, "lode: "+live.Notice, status)
		return
	case errors.Is(err, reports.ErrNoPage):
		h.message(w, r, http.StatusNotFound, "there is no such page: what it showed may have been withdrawn, or is not in the store any more")
		return
	case err != nil:
		h.message(w, r, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(text.Bytes())
}

// message sends a page that only says what went wrong.
func (h *handler) message(w http.ResponseWriter, r *http.Request, status int, text string) {
	h.page(w, r, status, "message.html", &reports.Live{Notice: text, Bad: true})
}

func (h *handler) search(w http.ResponseWriter, r *http.Request) {
	live := &reports.Live{}
	query, status := session.Clean(r.FormValue("q")), http.StatusOK
	if strings.TrimSpace(query) != "" {
		page, _ := strconv.Atoi(r.FormValue("page"))
		found, err := h.Searcher.Search(r.Context(), query, max(1, page))
		if live.Found = found; err != nil {
			live.Notice, live.Bad, status = err.Error(), true, http.StatusBadRequest
		}
		live.Found.Query = query
	}
	h.page(w, r, status, "search.html", live)
}

// told is what a page says after a form was taken; the address names it.
var told = map[string]string{
	"accept":  "accepted: the file is changed; Undo takes it back",
	"edit":    "kept: these words are yours now, and no night changes them",
	"reject":  "rejected: it comes back only when its evidence has doubled",
	"snooze":  "put off",
	"undo":    "undone: the file is as it was before",
	"say":     "said: the next iteration reads it",
	"pause":   "it ends after its iteration",
	"stop":    "it ends now; its checkpoints stay",
	"idle":    "nobody works on it",
	"resume":  "it goes on, for as long as this lode serve works",
	"approve": "answered; resume the run to go on",
}

func (h *handler) decide(w http.ResponseWriter, r *http.Request) {
	id, do, seen := r.PostFormValue("id"), r.PostFormValue("do"), r.PostFormValue("seen")
	var d *rules.Proposal
	var err error
	switch do {
	case "accept":
		d, err = h.Decider.Accept(id, seen, strings.TrimSpace(r.PostFormValue("root")))
	case "edit":
		added := r.PostForm["added"]
		for i := range added {
			if added[i] = strings.ReplaceAll(added[i], "\r\n", "\n"); added[i] != "" && !strings.HasSuffix(added[i], "\n") {
				added[i] += "\n"
			}
		}
		d, err = h.Decider.Edit(id, seen, added)
	case "reject":
		d, err = h.Decider.Reject(id, strings.TrimSpace(session.Clean(r.PostFormValue("reason"))))
	case "snooze":
		days, bad := strconv.Atoi(r.PostFormValue("days"))
		if bad != nil || days < 1 {
			h.refuse(w, r, proposalPage(id), fmt.Errorf("%q is not a number of days", r.PostFormValue("days")))
			return
		}
		d, err = h.Decider.Snooze(id, days)
	case "undo":
		d, err = h.Decider.Undo(context.WithoutCancel(r.Context()), id) // whoever closes the page has decided
	default:
		err = fmt.Errorf("%q is no decision", do)
	}
	if err != nil {
		h.refuse(w, r, proposalPage(id), err)
		return
	}
	http.Redirect(w, r, proposalPage(d.ID)+"?did="+do, http.StatusSeeOther)
}

func proposalPage(id string) string { return url.PathEscape(id) + ".html" }

func (h *handler) run(w http.ResponseWriter, r *http.Request) {
	run, do, text := r.PostFormValue("run"), r.PostFormValue("do"), r.PostFormValue("text")
	file, did := reports.RunFile(run), ""
	var err error
	switch do {
	case "say":
		did, err = h.Runner.Say(run, text)
	case "pause":
		did, err = h.Runner.Pause(run)
	case "stop":
		did, err = h.Runner.Stop(run)
	case "resume":
		more, _ := strconv.Atoi(r.PostFormValue("iterations"))
		did, err = h.Runner.Resume(run, max(0, more))
	case "yes", "no":
		did, err = h.Runner.Approve(run, r.PostFormValue("check"), do == "yes", text)
	default:
		err = fmt.Errorf("%q cannot be done to a run", do)
	}
	if err != nil {
		h.refuse(w, r, file, err)
		return
	}
	http.Redirect(w, r, file+"?did="+did, http.StatusSeeOther)
}

// refuse shows the page again, with the reason why nothing was done.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, file string, err error) {
	live, status := &reports.Live{Notice: err.Error(), Bad: true}, http.StatusConflict
	switch {
	case errors.Is(err, ErrBusy), errors.Is(err, loop.ErrBusy):
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "5")
	case errors.Is(err, rules.ErrNoProposal), errors.Is(err, loop.ErrNoRun):
		h.message(w, r, http.StatusNotFound, err.Error())
		return
	}
	h.page(w, r, status, file, live)
}
