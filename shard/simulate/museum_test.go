package simulate

import (
	"testing"

	"quern/shard/internal/museum"
)

// exhibit is a planted bug, and the number of clusters within which it must be found.
type exhibit struct {
	bug    int
	within uint64
	name   string
}

func exhibits() []exhibit {
	return []exhibit{
		{museum.MergeTwice, 500, "a partial that comes twice is merged twice"},
		{museum.MergeBeforeClaim, 100, "a partial is merged before its claim won"},
		{museum.ReuseAttempts, 500, "attempts are numbered, not drawn"},
		{museum.FixedNames, 100, "file names are fixed, and overwritten"},
		{museum.NoFence, 100, "no look for a higher epoch before publishing"},
		{museum.AssumeEpoch, 500, "an epoch of unknown outcome is taken for won"},
		{museum.DeleteAfterUnknown, 500, "files are deleted after a claim of unknown outcome"},
		{museum.AssumeWon, 500, "a claim of unknown outcome is taken for won"},
		{museum.ClaimBeforeSave, 100, "the claim goes out before the files are stored"},
		{museum.AckBeforeClaim, 100, "the coordinator answers before the claim is stored"},
		{museum.EveryoneWon, 5000, "the coordinator tells every attempt that it won"},
		{museum.PublishUnclaimed, 100, "a part is published before its claim"},
		{museum.TrustListing, 1000, "what a listing lacks is taken for unclaimed"},
		{museum.CountProposals, 100, "proposals are counted, not shards"},
		{museum.SkipPublish, 100, "the manifest comes before the parts"},
		{museum.DropFailed, 500, "failed shards are left out silently"},
		{museum.IgnorePhase, 1000, "proposals of other phases are taken"},
		{museum.StaleState, 100, "a worker does not wait for the state it needs"},
		{museum.WorkAgain, 100, "a settled shard is done again"},
		{museum.LeaveClosing, 500, "who finds its shard settled does not close the phase"},
		{museum.PoisonUnrecorded, 100, "a poison shard is not recorded"},
		{museum.CollectEarly, 500, "garbage is collected before the job is done"},
		{museum.FreeSlots, 100, "collection frees slots"},
		{museum.SkipDocument, 5000, "who finds the manifest does not show it"},
		{museum.RacyPut, 100, "put-if-absent looks, and writes later"},
		{museum.BelieveBytes, 500, "partials are read without their digest"},
		{museum.PutNotDurable, 100, "what is acknowledged is not durable"},
		{museum.TornPut, 500, "objects can be seen half written"},
	}
}

// TestMuseum plants each bug and has the simulator find it. A bug that is not found any
// more means that the simulation has gone blind.
func TestMuseum(t *testing.T) {
	shown := map[int]bool{}
	for _, e := range exhibits() {
		shown[e.bug] = true
		seed, found := uint64(0), (*Report)(nil)
		for ; seed < e.within; seed++ {
			if r := Run(seed, museum.Plant(e.bug), Wish{}); r.Violation != "" {
				found = Run(seed, museum.Plant(e.bug), Wish{Trace: true})
				break
			}
		}
		if found == nil {
			t.Errorf("not found in %d clusters: %s", e.within, e.name)
			continue
		}
		t.Logf("%-52s seed %4d, trace of %4d lines: %.90s", e.name, seed, len(found.Trace), found.Violation)
	}
	for bug := museum.None + 1; bug < museum.End; bug++ {
		if _, isCore := shown[bug]; !isCore && bug != museum.CoreBugs {
			t.Errorf("bug %d is in no exhibit", bug)
		}
	}
}
