package miner

import (
	"cmp"
	"slices"
)

// mergeable are the classes whose failures are told apart by a masked line
// alone. In it a name that no mask knows can still stand; the other classes are
// told apart by the very thing that is missing or wrong.
var mergeable = map[string]bool{LintFinding: true, Timeout: true, PermissionError: true, NetworkError: true, APIFailure: true, VCSError: true, OtherFailure: true}

// merge joins groups of one class and subject whose masked lines form one
// cluster. The joined group keeps the key of the one that was seen first, so
// that its id stays when sessions are added.
func (m *mining) merge() {
	buckets := make(map[string][]string)
	for _, k := range sortedKeys(m.groups) {
		g := m.groups[k]
		if s := &g.seen[0].signal; g.kind == failingCommand.Name && mergeable[s.Class] && s.Entity == "" {
			b := g.project + "\x00" + g.population + "\x00" + s.Class + "\x00" + s.Subject
			buckets[b] = append(buckets[b], k)
		}
	}
	for _, b := range sortedKeys(buckets) {
		m.mergeWithin(buckets[b])
	}
}

func (m *mining) mergeWithin(keys []string) {
	if len(keys) < minNames { // too few to be names
		return
	}
	var c Clusterer
	forms := make([]int, len(keys))
	for i, k := range keys {
		for j := range m.groups[k].seen {
			forms[i] = c.Add(m.groups[k].seen[j].signal.Template)
		}
	}
	clusters := c.Clusters()
	byCluster := make(map[Cluster][]string)
	for i, k := range keys {
		byCluster[clusters[forms[i]]] = append(byCluster[clusters[forms[i]]], k)
	}
	for cluster, members := range byCluster {
		if len(members) < 2 {
			continue
		}
		first := slices.MinFunc(members, func(a, b string) int {
			return cmp.Or(m.groups[a].first().Compare(m.groups[b].first()), cmp.Compare(a, b))
		})
		joined := m.groups[first]
		for _, k := range members {
			if k != first {
				joined.seen = append(joined.seen, m.groups[k].seen...)
				joined.joined = append(joined.joined, patternID(joined.project, joined.population, m.groups[k].key))
				delete(m.groups, k)
			}
		}
		joined.template = cluster.Template
	}
}
