// Package k8s says in Kubernetes' terms what a phase of a job is: one Indexed Job, whose
// indexes are the shards. It renders objects as YAML and knows no cluster; the program
// quern-k8s hands what is rendered to one.
//
// A task's exit codes become a policy: who starts what again is the Job controller's
// business alone.
//
//	0           the index is done
//	75, 2       counted: started again, after 10 s, 20 s, 40 s..., Options.Retries times
//	42, 43      the index fails and is not started again: the log says why
//	1           the whole Job fails: a damaged log is so for all
//	any other   counted as 75 is: killed, out of memory
//	disruption  not counted: a drained node, preemption, eviction
//
// A wrong command line ends with 2, but so does every Go program that crashes, which may
// be one shard's or one node's fault: so it is not taken for the fault of all.
//
// A failed index ends its Job as failed, even if it is one of those that the plan lets
// fail: so what became of a phase is read in the commit log, never in the Job's status.
//
// Names depend on the job and the phase alone, so whoever submits twice finds the Job
// that is there.
package k8s
