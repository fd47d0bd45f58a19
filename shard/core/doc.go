// Package core is the protocol by which many processes do one job, as state machines:
// the Worker of a task, the Coordinator, and the Collector of garbage. They do no I/O,
// have no clock and no goroutines. A driver tells a machine what happened (Event) and
// does what it says (Action); the same machines run in processes over a real store, and
// in simulated clusters by the thousand (package simulate).
//
// The truth is the commit log in the output store (package record). Its only primitive
// is the slot: a name that is put if absent, so that of several writers one wins, for
// ever. Five kinds of slots make a job:
//
//	plan      what is to be done
//	epoch E   a coordinator took over; one with a lower E publishes no more
//	claim     shard S of phase K is settled: done by this attempt, or failed for good
//	fitted    what phase K taught, and what the next phase is
//	manifest  the job is done
//
// # The life of a task
//
//	read the plan          a finished job: exit 0
//	read fitted K-1        not there: wait; without a coordinator, close phase K-1 yourself
//	read the claim         settled: exit 0
//	compute                files under names that only this attempt has
//	save                   the files are durable: only now may a claim name them
//	claim                  through the coordinator, or directly where there is none
//	won                    give the parts the names that readers know; exit 0
//	lost                   read who won; exit 0: the files are garbage
//	poison                 put a claim that says why; exit 42, or lose, and exit 0
//
// Nothing that a task writes changes anything that another one wrote, so tasks can be
// started twice, killed anywhere, and wake up after days.
//
// # Closing a phase
//
// When all shards of a phase are settled, somebody closes it: a coordinator, or, where
// there is none, the worker that finds that all are. Both are the same code (closer):
//
//	learn the claims       a listing says where to look; only reading a slot tells
//	a phase that learns    merge the partial of each shard once; freeze; put fitted
//	the last phase         give all parts their names; put the manifest; show it
//
// Any number may do it at the same time. Statistics are exact, so they come to the same
// bytes, and slots have one winner. A coordinator dies without loss: the next one reads
// the log.
//
// # What nobody can know
//
// A store that times out has perhaps done what it was told, or will. So after every put
// that did not succeed for sure, the slot is read (machine.settle): it holds our bytes,
// or those of a winner, or nothing, and then the same bytes are put again. Nothing is
// ever deleted on a guess: only files of attempts, and only when the job is done.
//
// # Epochs
//
// Epochs are taken in turn by putting slots, so a driver finds out that it was overtaken
// by reading one slot, E+1. It does so before every put of fitted or manifest. Being
// overtaken between the look and the put does no harm: both drivers would publish the
// same. Workers that a driver owns look too, and exit 43.
package core
