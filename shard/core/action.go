package core

import "quern/shard/record"

// Op ties an answer to the action that asked for it.
type Op uint64

// Action is something that a machine wants done. Whoever drives the machine does it,
// and answers those that have an Op with one Answer each, in any order.
type Action interface{ action() }

// Put stores a small object if nothing has its name, and makes it durable. Done: it is
// there, durable. Exists: something has the name. Failed: it was surely not stored.
// Unknown: nobody can tell, it may even be stored later.
type Put struct {
	Op   Op
	Name string
	Data []byte
}

// Get reads an object: Done with Data, Missing, or Failed. Settled asks for it to be
// made durable before it is read, because the machine will rely on it.
type Get struct {
	Op      Op
	Name    string
	Settled bool
}

// List lists the names under a folder: Done with Names, or Failed. Names may be absent
// that were stored lately; the core takes a listing for a hint.
type List struct {
	Op     Op
	Prefix string
}

// Remove removes an object: Done, Failed, or Unknown.
type Remove struct {
	Op   Op
	Name string
}

// Publish gives File.Name's bytes the name File.Final if nothing has it, durably. Done:
// the final name stands for the file's bytes, now or since before. Conflict: it stands
// for others. Missing: neither name is there. Failed or Unknown: try again.
type Publish struct {
	Op    Op
	File  record.File
	Saved bool // the file was saved just now, by whoever says so: its bytes need no look
}

// Check asks whether files are there whole: Done, Missing, Corrupt, or Failed.
type Check struct {
	Op    Op
	Files []record.File
}

// Load reads a partial and checks size and digest: Done with Statistic, Missing,
// Corrupt, or Failed.
type Load struct {
	Op   Op
	File record.File
}

// Compute does the work of a task and writes its files, not yet for good. Done with
// Work; Poison with Cause if the input can never be read (of a Work that comes along, the
// Note counts); Corrupt if what it needs of the job is damaged;
// Failed if another try may succeed.
type Compute struct {
	Op   Op
	Task Task
}

// Save makes the files of an attempt durable under their names: Done, Failed, Unknown.
type Save struct {
	Op      Op
	Attempt record.Attempt
	Files   []record.File
}

// Freeze turns what a phase taught into the state that the next one needs, stores it
// under Name, durably, and says what the next phase is: Done with File and Next,
// Failed, Unknown, or Poison with Cause if that can never be. Total stays as it is; nil:
// every shard failed. The result depends on nothing but the arguments and the job.
type Freeze struct {
	Op     Op
	Phase  record.Phase
	Total  Statistic
	Failed []uint32
	Name   string
}

// Compose makes the manifest for readers out of the claims of the last phase and
// stores it under Name, durably: Done with File (its Final is the plan's document),
// Failed, or Unknown. It depends on nothing but the arguments and the job.
type Compose struct {
	Op     Op
	Phase  record.Phase
	Claims []record.Claim
	Name   string
}

// Ask sends a request to the coordinator: Done with Reply, Failed, or Unknown when the
// driver's deadline passes.
type Ask struct {
	Op      Op
	Request Request
}

// Wake asks for an answer (Done) after some microseconds.
type Wake struct {
	Op    Op
	After int64
}

// Respond answers a Call that the machine was given.
type Respond struct {
	Call  uint64
	Reply Reply
}

// Exit ends the machine, which does nothing from then on.
type Exit struct {
	Code   Code
	Reason string
}

func (Put) action()     {}
func (Get) action()     {}
func (List) action()    {}
func (Remove) action()  {}
func (Publish) action() {}
func (Check) action()   {}
func (Load) action()    {}
func (Compute) action() {}
func (Save) action()    {}
func (Freeze) action()  {}
func (Compose) action() {}
func (Ask) action()     {}
func (Wake) action()    {}
func (Respond) action() {}
func (Exit) action()    {}

// Code is how a machine ended, as the exit code of its process.
type Code int

// The codes. Engines are told what to do by them.
const (
	Committed Code = 0  // the shard, or the job, is done, by this attempt or another
	Broken    Code = 1  // the log is damaged or another job is in the way: a person must look
	Poisoned  Code = 42 // the shard or the job can never be done: do not retry
	Fenced    Code = 43 // another driver took over: do not retry
	Retry     Code = 75 // not done; try again
)

// Outcome is what became of an action.
type Outcome byte

// The outcomes. Each action says which it knows.
const (
	Done Outcome = iota
	Exists
	Missing
	Conflict
	Corrupt
	Poison
	Failed
	Unknown
)

// String returns the outcome's name, for traces.
func (o Outcome) String() string {
	switch o {
	case Done:
		return "done"
	case Exists:
		return "exists"
	case Missing:
		return "missing"
	case Conflict:
		return "conflict"
	case Corrupt:
		return "corrupt"
	case Poison:
		return "poison"
	case Failed:
		return "failed"
	}
	return "unknown"
}

// Event is something that happens to a machine.
type Event interface{ event() }

// Answer says what became of an action. An answer that comes twice, or to another
// life of the process, does nothing.
type Answer struct {
	Op        Op
	Outcome   Outcome
	Data      []byte
	Names     []string
	Work      *Work
	Statistic Statistic
	File      record.File
	Next      record.Phase
	Reply     Reply
	Cause     string
}

// Call is a request that came to a coordinator. ID is the driver's, for the Respond.
type Call struct {
	ID      uint64
	Request Request
}

// Hangup says that nobody waits for the Respond to a Call any more.
type Hangup struct{ ID uint64 }

// Stop asks the machine to end soon (SIGTERM).
type Stop struct{}

func (Answer) event() {}
func (Call) event()   {}
func (Hangup) event() {}
func (Stop) event()   {}
