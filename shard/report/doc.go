// Package report tells people how a job went, or goes: what its commit log says
// (package commitlog) as figures, as a chart of the shards that each worker did, for
// terminals and as SVG, and as JSON. It reads nothing and asks no clock: the same log
// gives the same bytes.
//
// The log is written by many machines, whose clocks differ, and may be written by
// anybody: times that cannot be are unknown, names are cleaned before they are shown.
package report
