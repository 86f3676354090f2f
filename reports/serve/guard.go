package serve

import (
	"context"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// guard lets in only the browser of the person who started it.
//
// Others who could ask are programs of other users of the machine, pages of the
// web that the person has open, and names of the web that are made to point to
// this machine. So it answers only to its own names; a browser gets in with the
// token, which it trades for a cookie; and a form counts only if it comes from a
// page of ours, by what the browser says (Origin) and by what only our pages know.
type guard struct {
	Options
	next http.Handler

	mu   sync.Mutex
	keys map[string]string // cookie -> what goes with the forms of that browser
}

func newGuard(o Options, next http.Handler) *guard {
	return &guard{Options: o, next: next, keys: make(map[string]string)}
}

const (
	cookieName = "lode"
	maxForm    = 1 << 20 // bytes
)

// headers go with every answer: a page loads nothing but our style, script and
// pictures within it, stands in no frame, and tells nobody where it is.
var headers = map[string]string{
	"Content-Security-Policy":      "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cache-Control":                "no-store",
}

type formKey struct{}

// formToken is what goes with the forms of the browser that asks.
func formToken(r *http.Request) string {
	token, _ := r.Context().Value(formKey{}).(string)
	return token
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	if !slices.Contains(g.Hosts, strings.ToLower(r.Host)) {
		http.Error(w, "lode: it does not answer to that name", http.StatusMisdirectedRequest)
		return
	}
	if shown := r.URL.Query().Get("token"); r.Method == http.MethodGet && r.URL.Path == g.Base && shown != "" && same(shown, g.Token) {
		g.admit(w)
		return
	}
	token, ok := g.known(r)
	if !ok {
		http.Error(w, "lode: this browser has no key (hint: open the whole address that lode serve printed; each lode serve has its own)", http.StatusForbidden)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if !fromOurs(r) || !same(r.PostFormValue("token"), token) {
			http.Error(w, "lode: that form is not from a page of this lode serve; nothing was done (hint: go back, load the page again, and send it again)", http.StatusForbidden)
			return
		}
	}
	g.next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), formKey{}, token)))
}

// admit gives a browser its key. The page leads on by itself rather than by a
// redirect: a strict cookie goes along only from a page of ours.
func (g *guard) admit(w http.ResponseWriter) {
	key := g.Random()
	g.mu.Lock()
	g.keys[key] = g.Random()
	g.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: key, Path: g.Base, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	send(w, "text/html", []byte(`<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=index.html"><title>lode</title><p><a href="index.html">lode</a></p></html>`))
}

// known returns the form token of the browser that asks, if it has a key.
func (g *guard) known(r *http.Request) (token string, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range r.CookiesNamed(cookieName) {
		if token, ok = g.keys[c.Value]; ok {
			return token, true
		}
	}
	return "", false
}

// fromOurs reports whether a browser says that a form is from a page of ours. A
// page that tells no referrer sends its forms with the origin null; then it is
// Sec-Fetch-Site that says where they come from, which no page can set.
func fromOurs(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site != "" && site != "same-origin" {
		return false
	}
	return strings.EqualFold(origin, "http://"+r.Host) || origin == "null" && site == "same-origin"
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
