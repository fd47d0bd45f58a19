// Package drive runs the machines of package core in a process: it hands them what
// happens, does what they say over a real store, and asks and answers other processes.
// Store actions are package commitlog's; what a job computes is Work's; how requests
// travel is Asker's.
//
// A Driver has one goroutine that steps the machine, so that a machine stays what the
// simulator proved, and one for each action under way. It never makes an answer better
// than it knows: what was cut off is Failed only if it surely did not happen.
package drive
