package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lode/index/query"
	"lode/session"
)

// addCompletions lets shells complete what the index knows: the values of flags
// that filter, the fields of queries with their values, and references.
func addCompletions(g *globals, root *cobra.Command) {
	for _, cmd := range allCommands(root) {
		for _, flag := range []string{"agent", "project", "kind", "tool"} {
			if cmd.Flags().Lookup(flag) == nil {
				continue
			}
			err := cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
				return g.complete(func(d *desk) []string { return inList(typed, d.values(flag)) }), cobra.ShellCompDirectiveNoFileComp
			})
			if err != nil {
				panic(err) // a flag of that name was just found
			}
		}
		switch cmd.Name() {
		case "search":
			cmd.ValidArgsFunction = g.completeQuery
		case "show":
			cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
				if len(args) > 0 {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
				return g.complete(func(d *desk) []string { return d.refs(typed) }), cobra.ShellCompDirectiveNoFileComp
			}
		}
	}
}

// complete asks the index; without one nothing is completed.
func (g *globals) complete(ask func(*desk) []string) []cobra.Completion {
	w, err := g.world()
	if err != nil {
		return nil
	}
	d, err := w.quickDesk()
	if err != nil {
		return nil
	}
	defer d.close()
	return ask(d)
}

// completeQuery completes a word of a query: the name of a field, with what it
// is, or its value.
func (g *globals) completeQuery(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	name, value, inField := strings.Cut(typed, ":")
	if !inField {
		var fields []cobra.Completion
		for _, f := range query.Fields {
			if strings.HasPrefix(f.Name, typed) {
				fields = append(fields, cobra.CompletionWithDesc(f.Name+":", f.Doc))
			}
		}
		return fields, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	values := g.complete(func(d *desk) []string { return inList(value, d.values(name)) })
	for i := range values {
		values[i] = name + ":" + values[i]
	}
	return values, cobra.ShellCompDirectiveNoFileComp
}

// inList completes the last of several values between commas.
func inList(typed string, values []string) []string {
	before := ""
	if i := strings.LastIndexByte(typed, ','); i >= 0 {
		before, typed = typed[:i+1], typed[i+1:]
	}
	var out []string
	for _, v := range values {
		if strings.HasPrefix(v, typed) && !strings.ContainsAny(v, " \t\n,\"") {
			out = append(out, before+v)
		}
	}
	return out
}

// values lists what a field of a query can be, as far as that is known.
func (d *desk) values(field string) []string {
	for _, f := range query.Fields {
		if f.Name == field && f.Values != nil {
			return f.Values
		}
	}
	if field == "session" {
		names, _ := d.index.Sessions()
		return names
	}
	if field != "project" {
		values, _ := d.index.Values(field)
		return values
	}
	infos, _ := d.index.Places()
	var names []string
	for i := range infos {
		names = append(names, d.naming.Of(&infos[i].Header).Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// maxRefs is how many sessions are told apart by their titles; more are too many
// to read anyway.
const maxRefs = 50

// refs lists the sessions whose reference begins so, with their titles.
func (d *desk) refs(typed string) []string {
	names, _ := d.index.Sessions()
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, typed) })
	if len(names) > maxRefs {
		return names
	}
	for i, name := range names {
		if h, ok, err := d.index.Header(name); ok && err == nil {
			names[i] = cobra.CompletionWithDesc(name, session.Quote(h.Title, 60))
		}
	}
	return names
}
