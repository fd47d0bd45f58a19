// Package shard is the home of quern on many processes and machines. It knows no
// operator, and no scheduler: it runs tasks that anything can start which starts
// processes and starts them again, and keeps the truth in the output store.
//
//	record      what the commit log says: values, bytes, names
//	commitlog   the log in a store (package pipeline/store)
//	core        the protocol as state machines without I/O: worker, coordinator, collector
//	drive       the machines in a process: over a real store, and asking other processes
//	procs       an engine of child processes
//	simulate    clusters of these machines in which everything goes wrong, by the thousand
//
// Start in core: its documentation is the protocol. The promise: from tasks that run at
// least once comes output that is seen exactly once. Each phase of a job is a number of
// shards and a merge; each shard is claimed by one attempt, for ever; statistics merge
// exactly, so no order matters; and whoever dies anywhere costs at most the shard that
// it was at.
package shard
