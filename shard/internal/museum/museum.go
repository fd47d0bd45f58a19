// Package museum names the bugs that a protocol like this one has had elsewhere, or
// nearly had here. Tests plant them, one at a time, and the simulator must find each.
// Nothing outside of shard can import this package, so nothing else can plant one.
package museum

// Bug is a planted bug; the zero value is none.
type Bug struct{ number int }

// Is reports whether b is the bug of that number.
func (b Bug) Is(number int) bool { return b.number == number }

// Plant returns the bug of a number.
func Plant(number int) Bug { return Bug{number} }

// The bugs of the core.
const (
	None               = iota
	MergeTwice         // a partial that comes twice is merged twice
	MergeBeforeClaim   // a partial is merged before it is known whether its claim won
	ReuseAttempts      // attempts are numbered by shard, not drawn
	NoFence            // a driver does not look for a higher epoch before it publishes
	AssumeEpoch        // an epoch whose outcome is unknown is taken for won
	DeleteAfterUnknown // a worker tidies up after a claim whose outcome is unknown
	AssumeWon          // a claim whose outcome is unknown is taken for won
	ClaimBeforeSave    // the claim goes out while the files are still being saved
	AckBeforeClaim     // the coordinator answers before the claim is stored
	EveryoneWon        // the coordinator tells every attempt that it won
	PublishUnclaimed   // a worker publishes its part before it knows whether its claim won
	TrustListing       // what a listing lacks is taken for not claimed, for good
	CountProposals     // a phase closes when enough proposals came, whatever they were for
	SkipPublish        // the manifest goes out before the parts have their names
	DropFailed         // failed shards are left out without counting them
	IgnorePhase        // the coordinator takes proposals of other phases for this one's
	StaleState         // a worker does not wait for the state that its phase needs
	FixedNames         // attempts at a shard share the names of their files, and overwrite them
	WorkAgain          // a task does not look whether its shard is done
	LeaveClosing       // whoever finds its shard done leaves, whether the phase is closed or not
	PoisonUnrecorded   // a poison shard is reported, not recorded
	CollectEarly       // attempts are collected before the job is done
	FreeSlots          // collection removes claims too
	SkipDocument       // whoever finds the manifest leaves, whether readers can see it or not
	CoreBugs           // not a bug: where those of stores begin
)

// The bugs of stores.
const (
	RacyPut       = CoreBugs + 1 + iota // put-if-absent looks, and writes later
	BelieveBytes                        // files are read without checking their digests
	PutNotDurable                       // an object is acknowledged before it survives a loss of power
	TornPut                             // an object can be seen while it is half written
	End                                 // one more than the last
)
