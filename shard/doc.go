// Package shard will run one plan on many processes: tasks, a commit log, and a
// coordinator that merges partials (pipeline.Partial). It is not written yet; runs
// use one process.
package shard
