// Package procs is the engine that runs the tasks of a job in child processes of this
// one: it starts them, hands shards out, replaces what dies or hangs, tries again, and
// starts a twin of a task that takes much longer than the others. It is no part of the
// protocol: whatever it does wrong, a shard is claimed once.
//
// A child reads descriptors from its standard input, one a line, and writes one answer a
// line, until its input ends:
//
//	{"phase":0,"shard":17}
//	{"job":"0123...","phase":0,"shard":17,"code":0,"outcome":"committed",...}
//
// Children are in process groups of their own, so that an interrupt from a terminal
// reaches this process alone, which then stops them. They die with this process: the
// kernel sends SIGTERM (Linux), and their standard input ends.
package procs
