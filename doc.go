// Package quern is the root of the module: it holds the checks that keep the
// whole tree in order (import rules, tidiness, documentation). Start reading in
// ARCHITECTURE.md, then in pipeline/run.go.
package quern
