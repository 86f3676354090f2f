package session

import (
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"lode/session/lazyregexp"
)

// Project is what sessions belong to: a repository, whoever's checkout of it.
type Project struct {
	Name string // owner/name of the remote, the configured name, or the folder
	Root string // a checkout on this machine, if one is known
}

// ProjectRule maps folders to a project by configuration.
type ProjectRule struct {
	Name  string   `yaml:"name"`
	Match []string `yaml:"match"` // globs on the session's folder
	Root  string   `yaml:"root"`  // checkout on this machine
}

// Projects works out which project a session belongs to, in this order: the
// configuration's map, a benchmark's instance, the git remote of the session
// or of another one in the same folder, and the folder itself without the
// shapes that worktrees have.
type Projects struct {
	rules   []ProjectRule
	home    string
	remotes map[string]string // folder -> remote, where all sessions there that name one agree
	roots   map[string]string // project -> checkout
}

// NewProjects prepares the lookup for a set of sessions. home shortens folder
// names; it may be empty.
func NewProjects(rules []ProjectRule, home string, infos []Info) *Projects {
	p := &Projects{rules: rules, home: strings.TrimSuffix(slashed(home), "/"),
		remotes: make(map[string]string), roots: make(map[string]string)}
	for i := range infos {
		p.learnRemote(&infos[i].Header)
	}
	for i := range infos {
		h := &infos[i].Header
		if h.Checkout == "" {
			continue
		}
		if name := p.name(h); p.roots[name] == "" || h.Checkout < p.roots[name] {
			p.roots[name] = h.Checkout
		}
	}
	for _, r := range rules {
		if r.Root != "" {
			p.roots[r.Name] = r.Root
		}
	}
	return p
}

func (p *Projects) learnRemote(h *Header) {
	if h.Remote == "" || h.Cwd == "" {
		return
	}
	dir := Root(h.Cwd)
	if known, ok := p.remotes[dir]; ok && known != h.Remote {
		p.remotes[dir] = "" // they disagree: the folder says nothing
		return
	}
	p.remotes[dir] = h.Remote
}

// Of returns the project of a session.
func (p *Projects) Of(h *Header) Project {
	name := p.name(h)
	return Project{Name: name, Root: p.roots[name]}
}

// Roots lists the known checkouts by project name.
func (p *Projects) Roots() map[string]string { return p.roots }

func (p *Projects) name(h *Header) string {
	cwd := slashed(h.Cwd)
	for _, r := range p.rules {
		for _, glob := range r.Match {
			if ok, err := doublestar.Match(glob, cwd); ok && err == nil {
				return r.Name
			}
		}
	}
	if h.Instance != "" {
		return instanceProject(h.Instance)
	}
	dir := Root(cwd)
	remote := p.remotes[dir]
	if h.Remote != "" {
		remote = h.Remote
	}
	if remote != "" {
		_, name, _ := strings.Cut(remote, "/")
		return name
	}
	if dir == "" {
		return "unknown"
	}
	if rest, ok := strings.CutPrefix(dir, p.home+"/"); ok && p.home != "" {
		return rest
	}
	return strings.TrimPrefix(dir, "/")
}

// instanceProject reads owner/name out of a SWE-bench instance such as
// owner__name-123.
func instanceProject(instance string) string {
	name := instance
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		name = name[:i]
	}
	return strings.Replace(name, "__", "/", 1)
}

// SameProject reports whether a project is meant by a name: its whole name or
// the last part of it, case ignored.
func SameProject(project, name string) bool {
	return strings.EqualFold(project, name) || strings.EqualFold(path.Base(project), name)
}

// worktree shapes: what agents and people put between a repository and the
// folder of one of its worktrees. The first group is the repository.
var worktreeShapes = []*lazyregexp.Regexp{
	lazyregexp.New(`^(.+?)/\.(?:claude/|git/|cursor/)?worktrees/.+$`),
	lazyregexp.New(`^(.+?)-worktrees?(?:/.*)?$`),
	lazyregexp.New(`^(.+?)/worktrees/.+$`),
}

// agentWorktrees are the folders of worktrees that agents keep in their own
// home; there the repository is known by its name only. Codex has
// ~/.codex/worktrees/<id>/<repository>, Cursor ~/.cursor/worktrees/<repository>/<id>.
var agentWorktrees = []*lazyregexp.Regexp{
	lazyregexp.New(`^.+/\.codex/worktrees/[^/]+/([^/]+)`),
	lazyregexp.New(`^(?:.*/(?:home|Users)/[^/]+|/root)/\.cursor/worktrees/([^/]+)/[^/]+`),
}

// Root returns the folder of the repository that a working folder belongs to,
// as far as its path tells: worktrees count for the repository they are of.
func Root(cwd string) string {
	dir := strings.TrimSuffix(slashed(cwd), "/")
	if !strings.Contains(dir, "worktree") { // as every shape does
		return dir
	}
	for _, shape := range slices.Concat(agentWorktrees, worktreeShapes) {
		if m := shape.FindStringSubmatch(dir); m != nil {
			return m[1]
		}
	}
	return dir
}

// slashed writes a path of any system with slashes.
func slashed(p string) string { return strings.ReplaceAll(p, `\`, "/") }

// RemoteName reduces a git remote to host/owner/name, without credentials,
// scheme and suffix. Local paths give the empty string.
func RemoteName(url string) string {
	url = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(url), "/"), ".git")
	if _, rest, ok := strings.Cut(url, "://"); ok {
		url = rest
	} else if i := strings.IndexByte(url, ':'); i > 0 && !strings.Contains(url[:i], "/") && i > 1 {
		url = url[:i] + "/" + strings.TrimPrefix(url[i+1:], "/") // scp form: git@host:owner/name
	} else {
		return ""
	}
	if i := strings.LastIndexByte(url, '@'); i >= 0 {
		url = url[i+1:]
	}
	host, rest, ok := strings.Cut(url, "/")
	if !ok || host == "" || rest == "" {
		return ""
	}
	if name, _, ok := strings.Cut(host, ":"); ok {
		host = name
	}
	return strings.ToLower(host) + "/" + rest
}

// RootSessions maps every session's name to the name of its root session by
// following parents. A parent that is not known is taken as the root.
func RootSessions(infos []Info) map[string]string {
	parent := make(map[string]string, len(infos))
	for i := range infos {
		h := &infos[i].Header
		if h.Parent != "" {
			parent[h.Name()] = h.Agent + "/" + h.Parent
		}
	}
	roots := make(map[string]string, len(infos))
	for i := range infos {
		name := infos[i].Name()
		roots[name] = rootOf(name, parent)
	}
	return roots
}

// rootOf follows parents to the last one. For a ring of them, its smallest
// name stands.
func rootOf(name string, parent map[string]string) string {
	for range len(parent) + 1 { // more steps than parents: a ring
		if parent[name] == "" {
			return name
		}
		name = parent[name]
	}
	root := name
	for at := parent[name]; at != name; at = parent[at] {
		root = min(root, at)
	}
	return root
}

// SortInfos orders sessions by time, undated ones last, then by name.
func SortInfos(infos []Info) {
	sort.Slice(infos, func(i, j int) bool {
		a, b := &infos[i], &infos[j]
		if !a.Start.Equal(b.Start) {
			if a.Start.IsZero() || b.Start.IsZero() {
				return b.Start.IsZero()
			}
			return a.Start.Before(b.Start)
		}
		return a.Name() < b.Name()
	})
}
