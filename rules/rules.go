// Package rules turns patterns into changes that a person decides on.
//
// A target is an instruction file that agents load. A Proposal is a change of
// one such file, a unified diff with its reasons; Draft makes one. The Book
// keeps proposals (<state>/proposals/<id>.md, documents that a person may
// edit), the Ledger of what was proposed and decided (<state>/ledger.jsonl,
// append-only and chained by hashes), and the Vault of learnings
// (<state>/vault/learnings/*.md). Nothing is changed without a decision, and
// every change can be undone exactly.
package rules

import "lode/rules/target"

// Targets lists the instruction files that rules are proposed for. Package
// target knows what each agent loads of them.
var Targets = target.Table

// Tokens estimates how many tokens a text takes.
func Tokens(text string) int { return target.Tokens(text) }
