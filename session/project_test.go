package session

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A worktree counts for the repository it is of, as far as its path tells.
func TestRoot(t *testing.T) {
	for _, c := range []struct{ cwd, want string }{
		{"", ""},
		{"/home/dev/shop", "/home/dev/shop"},
		{"/home/dev/shop/", "/home/dev/shop"},
		{"/home/dev/shop/api", "/home/dev/shop/api"},
		{"/home/dev/shop/.worktrees/fix-vat", "/home/dev/shop"},
		{"/home/dev/shop/.worktrees/fix-vat/api/v2", "/home/dev/shop"},
		{"/home/dev/shop/.claude/worktrees/fix-vat", "/home/dev/shop"},
		{"/home/dev/shop/.git/worktrees/fix-vat", "/home/dev/shop"},
		{"/home/dev/shop/.cursor/worktrees/fix-vat", "/home/dev/shop"},
		{"/home/dev/shop/worktrees/fix-vat", "/home/dev/shop"},
		{"/home/dev/shop-worktrees/fix-vat/api", "/home/dev/shop"},
		{"/home/dev/shop-worktree", "/home/dev/shop"},
		{"/home/dev/.codex/worktrees/ab12/shop", "shop"},
		{"/home/dev/.codex/worktrees/ab12/shop/api", "shop"},
		{"/home/dev/.cursor/worktrees/shop/ab12", "shop"},
		{"C:/Users/dev/.cursor/worktrees/shop/ab12/api", "shop"},
		{`C:\dev\shop\.claude\worktrees\fix-vat`, "C:/dev/shop"},
		{"/home/dev/shop/.worktrees", "/home/dev/shop/.worktrees"},
		{"/home/dev/my-worktrees-tool", "/home/dev/my-worktrees-tool"},
	} {
		if got := Root(c.cwd); got != c.want {
			t.Errorf("Root(%q) = %q, want %q", c.cwd, got, c.want)
		}
	}
}

// However a remote is written, it has one name, and no credentials in it.
func TestRemoteName(t *testing.T) {
	for _, c := range []struct{ url, want string }{
		{"https://github.com/acme/shop.git", "github.com/acme/shop"},
		{" https://GitHub.com/acme/shop/\n", "github.com/acme/shop"},
		{"https://github.com/acme/shop.git/", "github.com/acme/shop"},
		{"https://dev:p%40ss@github.com/acme/shop", "github.com/acme/shop"},
		{"https://dev:p@ss@github.com/acme/shop", "github.com/acme/shop"},
		{"https://git.example.com:8443/acme/shop.git", "git.example.com/acme/shop"},
		{"ssh://git@github.com:22/acme/shop.git", "github.com/acme/shop"},
		{"git@github.com:acme/shop.git", "github.com/acme/shop"},
		{"github.com:/acme/shop", "github.com/acme/shop"},
		{"git@gitlab.example.com:group/team/Shop.git", "gitlab.example.com/group/team/Shop"},
		{"", ""},
		{"https://", ""},
		{"https://github.com", ""},
		{"file:///srv/git/shop.git", ""},
		{"/srv/git/shop.git", ""},
		{"../shop", ""},
		{"./a:b", ""},
		{"C:/git/shop", ""},
		{`C:\git\shop`, ""},
	} {
		if got := RemoteName(c.url); got != c.want {
			t.Errorf("RemoteName(%q) = %q, want %q", c.url, got, c.want)
		}
	}
}

// A session belongs to the project that the map, its instance, its remote, its
// neighbours' remote or its folder tells, in this order, and never depending
// on the order in which sessions come. A project's root is the one of the map,
// else the first checkout by name.
func TestProjects(t *testing.T) {
	rules := []ProjectRule{
		{Name: "broken", Match: []string{"/home/dev/[", "/home/dev/{clients"}},
		{Name: "portal", Match: []string{"/nowhere", "/home/dev/clients/**/portal"}, Root: "/home/dev/portal"},
		{Name: "clients", Match: []string{"/home/dev/clients/*", "C:/work/**"}},
		{Name: "clients", Match: []string{"/home/dev/more"}, Root: "/home/dev/clients"},
		{Name: "late", Match: []string{"/home/dev/clients/**"}},
	}
	const shop = "github.com/acme/shop"
	cases := []struct {
		h    Header
		want Project
	}{
		{Header{Cwd: "/home/dev/clients/a/b/portal", Remote: shop, Instance: "x__y-1"}, Project{"portal", "/home/dev/portal"}},
		{Header{Cwd: "/home/dev/clients/a", Checkout: "/home/dev/clients/a"}, Project{"clients", "/home/dev/clients"}},
		{Header{Cwd: `C:\work\any\thing`}, Project{"clients", "/home/dev/clients"}},
		{Header{Cwd: "/home/dev/clients/a/b", Checkout: "/home/dev/clients"}, Project{"late", "/home/dev/clients"}},

		{Header{Instance: "acme__atlas-101", Cwd: "/home/dev/shop", Remote: shop}, Project{"acme/atlas", ""}},
		{Header{Instance: "acme__atlas-web-7"}, Project{"acme/atlas-web", ""}},
		{Header{Instance: "puzzle"}, Project{"puzzle", ""}},

		{Header{Cwd: "/home/dev/shop", Remote: shop, Checkout: "/home/dev/shop"}, Project{"acme/shop", "/home/dev/a-shop"}},
		{Header{Cwd: "/home/dev/a-shop", Remote: shop, Checkout: "/home/dev/a-shop"}, Project{"acme/shop", "/home/dev/a-shop"}},
		{Header{Cwd: "/elsewhere", Remote: "git.example.com/group/team/web"}, Project{"group/team/web", ""}},
		{Header{Remote: shop}, Project{"acme/shop", "/home/dev/a-shop"}},
		{Header{Cwd: "/home/dev/shop/"}, Project{"acme/shop", "/home/dev/a-shop"}},
		{Header{Cwd: "/home/dev/shop/.worktrees/fix"}, Project{"acme/shop", "/home/dev/a-shop"}},

		{Header{Cwd: "/home/dev/fork", Remote: shop}, Project{"acme/shop", "/home/dev/a-shop"}},
		{Header{Cwd: "/home/dev/fork", Remote: "github.com/umbra/shop"}, Project{"umbra/shop", ""}},
		{Header{Cwd: "/home/dev/fork", Remote: shop}, Project{"acme/shop", "/home/dev/a-shop"}},
		{Header{Cwd: "/home/dev/fork"}, Project{"fork", ""}}, // the remotes there disagree

		{Header{Cwd: "/home/dev/notes/2026", Checkout: "/home/dev/notes"}, Project{"notes/2026", "/home/dev/notes"}},
		{Header{Cwd: "/home/dev/.codex/worktrees/ab12/notes"}, Project{"notes", ""}},
		{Header{Cwd: "/home/developer/x"}, Project{"home/developer/x", ""}},
		{Header{Cwd: "/home/dev"}, Project{"home/dev", ""}},
		{Header{Cwd: "/"}, Project{"unknown", ""}},
		{Header{}, Project{"unknown", ""}},
	}
	infos := make([]Info, len(cases))
	for i, c := range cases {
		infos[i].Header = c.h
	}
	for range 20 {
		rand.Shuffle(len(infos), func(i, j int) { infos[i], infos[j] = infos[j], infos[i] })
		p := NewProjects(rules, "/home/dev/", infos)
		for _, c := range cases {
			if got := p.Of(&c.h); got != c.want {
				t.Fatalf("Of(%+v) = %+v, want %+v", c.h, got, c.want)
			}
		}
	}
	if got := NewProjects(nil, "", nil).Of(&Header{Cwd: "/home/dev/shop"}); got != (Project{Name: "home/dev/shop"}) {
		t.Errorf("without a home: %+v", got)
	}
}

// A project is named by its whole name or the last part of it.
func TestSameProject(t *testing.T) {
	for _, c := range []struct {
		project, name string
		want          bool
	}{
		{"acme/shop", "acme/shop", true}, {"acme/shop", "Acme/Shop", true}, {"acme/shop", "SHOP", true},
		{"acme/shop", "acme", false}, {"acme/shop", "hop", false}, {"acme/shop", "", false}, {"acme/shop", "umbra/shop", false},
	} {
		if got := SameProject(c.project, c.name); got != c.want {
			t.Errorf("SameProject(%q, %q) = %v, want %v", c.project, c.name, got, c.want)
		}
	}
}

// Each case lists sessions as child<parent, and then their roots in order.
// Parents are of the same agent; one that is not known is a root all the same,
// and of a ring the smallest name is.
func TestRootSessions(t *testing.T) {
	deep := "s000"
	for i := 1; i < 200; i++ {
		deep += fmt.Sprintf(" s%03d<s%03d", i, i-1)
	}
	for _, c := range []struct{ sessions, want string }{
		{"", ""},
		{"a b", "a b"},
		{"a b<a c<b d<b", "a a a a"},
		{"d<b c<b b<a a", "a a a a"},
		{"b<gone c<b", "gone gone"},
		{"a<a b<a", "a a"},
		{"b<a a<b", "a a"},
		{"c<a b<c a<b e<d d<c", "a a a a a"},
		{deep, strings.TrimSpace(strings.Repeat("s000 ", 200))},
	} {
		var infos []Info
		for s := range strings.FieldsSeq(c.sessions) {
			id, parent, _ := strings.Cut(s, "<")
			infos = append(infos, Info{Header: Header{Agent: "claude", ID: id, Parent: parent}},
				Info{Header: Header{Agent: "codex", ID: id}}) // the same ids elsewhere change nothing
		}
		roots := RootSessions(infos)
		var got []string
		for i := 0; i < len(infos); i += 2 {
			root, _ := strings.CutPrefix(roots[infos[i].Name()], "claude/")
			got = append(got, root)
			if other := infos[i+1].Name(); roots[other] != other {
				t.Errorf("RootSessions(%q): root of %s is %s", c.sessions, other, roots[other])
			}
		}
		if got := strings.Join(got, " "); got != c.want || len(roots) != len(infos) {
			t.Errorf("RootSessions(%q) = %s, want %s", c.sessions, got, c.want)
		}
	}
}

// Following parents always ends, at a session that is its own root, the same
// for child and parent and in any order of the sessions.
func TestRootSessionsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		infos := make([]Info, rapid.IntRange(1, 8).Draw(t, "sessions"))
		for i := range infos {
			parent := rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e", "f", "g", "h", "gone"}).Draw(t, "parent")
			infos[i].Header = Header{Agent: "pi", ID: string(rune('a' + i)), Parent: parent}
		}
		roots := RootSessions(infos)
		for i := range infos {
			root, parent := roots[infos[i].Name()], roots["pi/"+infos[i].Parent]
			if up := roots[root]; up != "" && up != root || parent != "" && parent != root {
				t.Errorf("root of %s is %s, of its parent %q, of its root %q", infos[i].Name(), root, parent, up)
			}
		}
		if again := RootSessions(rapid.Permutation(infos).Draw(t, "shuffled")); !cmp.Equal(again, roots) {
			t.Errorf("shuffled: %v, want %v", again, roots)
		}
	})
}

// Sessions have one order: by time, whatever its zone, undated ones last, then by name.
func TestSortInfos(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	info := func(agent, id string, start time.Time) Info {
		return Info{Header: Header{Agent: agent, ID: id, Start: start}}
	}
	want := []Info{
		info("pi", "z", at.Add(-time.Nanosecond)),
		info("claude", "a", at), info("claude", "b", at.In(time.FixedZone("", 7200))), info("codex", "a", at),
		info("aider", "c", at.Add(time.Hour)),
		info("aider", "a", time.Time{}), info("claude", "0", time.Time{}),
	}
	rapid.Check(t, func(t *rapid.T) {
		got := rapid.Permutation(want).Draw(t, "shuffled")
		SortInfos(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("SortInfos (-want +got):\n%s", diff)
		}
	})
}
