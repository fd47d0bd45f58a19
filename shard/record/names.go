package record

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Root is the folder of all jobs in a store.
const Root = "_quern/jobs/"

// Names gives the names of a job's objects.
type Names struct{ root string }

// NamesOf returns the names of a job.
func NamesOf(job Job) Names { return Names{Root + job.String() + "/"} }

// Prefix is the folder of the job, with a slash at its end.
func (n Names) Prefix() string { return n.root }

// Plan is the slot of the plan.
func (n Names) Plan() string { return n.root + "plan" }

// Manifest is the slot of the manifest.
func (n Names) Manifest() string { return n.root + "manifest" }

// Epochs is the folder of the epochs.
func (n Names) Epochs() string { return n.root + "epoch/" }

// Epoch is the slot of an epoch.
func (n Names) Epoch(number uint64) string { return fmt.Sprintf("%sepoch/%016d", n.root, number) }

// Claims is the folder of the claims of a phase.
func (n Names) Claims(phase uint32) string { return n.phase(phase) + "claim/" }

// Claim is the slot of a shard.
func (n Names) Claim(phase, shard uint32) string {
	return n.Claims(phase) + pad(uint64(shard), 8)
}

// Fitted is the slot of what a phase taught.
func (n Names) Fitted(phase uint32) string { return n.phase(phase) + "fitted" }

// Files is the folder of what attempts at the shards of a phase wrote.
func (n Names) Files(phase uint32) string { return n.phase(phase) + "file/" }

// File is the name of file number i of an attempt at a shard.
func (n Names) File(phase, shard uint32, a Attempt, i int) string {
	return n.Files(phase) + pad(uint64(shard), 8) + "." + a.String() + "." + strconv.Itoa(i)
}

// State is the name of a fitted state that an attempt wrote.
func (n Names) State(phase uint32, a Attempt) string { return n.phase(phase) + "state." + a.String() }

// Document is the name of a manifest for readers that an attempt wrote.
func (n Names) Document(a Attempt) string { return n.root + "document." + a.String() }

func (n Names) phase(phase uint32) string {
	return n.root + "phase-" + strconv.FormatUint(uint64(phase), 10) + "/"
}

func pad(x uint64, width int) string {
	s := strconv.FormatUint(x, 10)
	if len(s) < width {
		return "00000000"[:width-len(s)] + s
	}
	return s
}

// EpochOf returns the number of an epoch's slot; false for any other name.
func (n Names) EpochOf(name string) (uint64, bool) {
	text, ok := strings.CutPrefix(name, n.Epochs())
	number, err := strconv.ParseUint(text, 10, 64)
	return number, ok && err == nil && number > 0 && n.Epoch(number) == name
}

// ShardOf returns the shard of a claim's slot of a phase; false for any other name. It
// is asked of every name of long listings.
func (n Names) ShardOf(name string, phase uint32) (uint32, bool) {
	rest, ok := strings.CutPrefix(name, n.root)
	if !ok {
		return 0, false
	}
	if rest, ok = strings.CutPrefix(rest, "phase-"); !ok {
		return 0, false
	}
	at, text, ok := strings.Cut(rest, "/claim/")
	if number, canonical := counted(at, 1); !ok || !canonical || number != phase {
		return 0, false
	}
	return counted(text, 8)
}

// counted reads a number as names have it: with so many digits at least, and no more
// zeros in front than that takes.
func counted(text string, width int) (uint32, bool) {
	number, err := strconv.ParseUint(text, 10, 32)
	return uint32(number), err == nil && (len(text) == width || len(text) > width && text[0] != '0')
}

// AttemptOf returns the attempt of a file that a shard's attempt wrote; false for any
// other name, slots above all: those are never removed.
func (n Names) AttemptOf(name string) (a Attempt, ok bool) {
	rest, ok := strings.CutPrefix(name, n.root+"phase-")
	_, rest, found := strings.Cut(rest, "/file/")
	parts := strings.Split(rest, ".")
	if !ok || !found || len(parts) != 3 || len(parts[1]) != 2*len(a) {
		return Attempt{}, false
	}
	if _, err := hex.Decode(a[:], []byte(parts[1])); err != nil {
		return Attempt{}, false
	}
	return a, true
}

// FileOf returns which attempt at which shard of a phase wrote a file; false for any
// other name.
func (n Names) FileOf(name string, phase uint32) (shard uint32, a Attempt, ok bool) {
	rest, in := strings.CutPrefix(name, n.Files(phase))
	text, _, found := strings.Cut(rest, ".")
	number, err := strconv.ParseUint(text, 10, 32)
	a, ok = n.AttemptOf(name)
	return uint32(number), a, ok && in && found && err == nil
}

// JobOf returns the job whose folder an object is in; false for other names.
func JobOf(name string) (j Job, ok bool) {
	rest, ok := strings.CutPrefix(name, Root)
	text, _, found := strings.Cut(rest, "/")
	if !ok || !found || len(text) != 2*len(j) {
		return Job{}, false
	}
	_, err := hex.Decode(j[:], []byte(text))
	return j, err == nil && j.String() == text
}

// visible reports whether name may be that of a finished file: inside of the store and
// in no job's folder.
func visible(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.HasPrefix(name+"/", Root)
}
