// Package simulate runs the machines of package core in simulated clusters, where
// everything goes wrong: processes die, sleep and wake as zombies, messages are lost,
// doubled and late, the store fails, forgets to answer, does things long after it was
// given up, and loses what is not durable. A cluster follows from its seed alone, so a
// seed that fails fails again, with a trace that people can read.
//
// A judge looks at every write, step and exit: see judge.go for what must hold. After a
// while the faults stop, and the job must come to its end; then everything is started
// once more and must find nothing to do.
package simulate
