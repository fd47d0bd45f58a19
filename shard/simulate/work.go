package simulate

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"quern/shard/core"
	"quern/shard/internal/museum"
	"quern/shard/record"
)

// counts is the statistic of the simulation: how often each shard was merged. It shows
// what was forgotten and what came twice.
type counts struct{ of []int }

// Merge implements core.Statistic.
func (c *counts) Merge(other core.Statistic) error {
	for i, n := range other.(*counts).of {
		c.of[i] += n
	}
	return nil
}

// partialOf is the file of a partial: it says which shard it is of.
func partialOf(phase, shard uint32, state [32]byte) []byte {
	return append(fmt.Appendf(nil, "partial of phase %d after %x: shard ", phase, state[:4]), byte(shard))
}

// parsePartial reads a partial's file. A flipped byte gives another shard.
func (w *world) parsePartial(data []byte) *counts {
	c := &counts{make([]int, w.Shards)}
	c.of[int(data[len(data)-1])%w.Shards]++
	return c
}

// stateOf is the file of a fitted state.
func stateOf(phase uint32, c *counts, failed []uint32) []byte {
	return fmt.Appendf(nil, "state of phase %d: %v without %v", phase, c.of, failed)
}

// after says what follows a phase.
func (w *world) phaseAfter(phase uint32) record.Phase {
	return record.Phase{Number: phase + 1, Learns: int(phase)+1 < w.Learning, Shards: uint32(w.Shards)}
}

// partName is where readers find a part.
func partName(shard uint32) string { return fmt.Sprintf("part-%05d", shard) }

// compute does a task, which takes a while.
func (p *process) compute(a core.Compute) {
	p.judge.computing(p)
	t := a.Task
	took := 50*millisecond + p.random.Int64N(second)
	if p.fault(Slow) {
		took *= 10
	}
	p.after(took, func() {
		state, ok := p.needed(&t)
		switch {
		case int(t.Phase.Number) == p.Learning && int(t.Shard) == p.PoisonShard || p.fault(Flaky):
			p.deliver(core.Answer{Op: a.Op, Outcome: core.Poison, Cause: "cannot be read"}, "compute", "")
		case !ok || p.fault(Refused):
			p.deliver(core.Answer{Op: a.Op, Outcome: core.Failed}, "compute", "")
		default:
			p.deliver(core.Answer{Op: a.Op, Work: p.draft(&t, state)}, "compute", "")
		}
	})
}

// needed returns the digest of the state that a task needs.
func (p *process) needed(t *core.Task) (state [32]byte, ok bool) {
	if t.State.Name == "" {
		return state, true
	}
	o := p.store.objects[t.State.Name]
	return t.State.SHA256, o != nil && sha256.Sum256(o.data) == t.State.SHA256
}

// draft makes the file of a task. Parts differ from attempt to attempt, as those of a
// device that adds in any order would.
func (p *process) draft(t *core.Task, state [32]byte) *core.Work {
	f := record.File{Name: t.File(0), Rows: 1}
	data := partialOf(t.Phase.Number, t.Shard, state)
	if !t.Phase.Learns {
		f.Final = partName(t.Shard)
		data = fmt.Appendf(nil, "part %d after %x by %v: %x", t.Shard, state[:4], t.Attempt, p.random.Uint64())
	}
	f.Size, f.SHA256 = int64(len(data)), sha256.Sum256(data)
	p.drafts[f.Name] = data
	return &core.Work{Files: []record.File{f}, Rows: 1, Note: state[:]}
}

// enclosed returns the partial that goes with a proposal.
func (p *process) enclosed(r core.Request) (core.Statistic, [32]byte) {
	c, err := record.ParseClaim(r.Claim, p.job, r.Phase, r.Shard)
	if err != nil || len(c.Files) != 1 || c.Files[0].Final != "" {
		return nil, [32]byte{}
	}
	data := p.drafts[c.Files[0].Name]
	return p.parsePartial(data), sha256.Sum256(data)
}

// load reads a partial; a byte may be flipped on the way.
func (p *process) load(a core.Load) {
	p.store.operate(p, a.Op, "load", a.File.Name, false, func() core.Answer {
		o := p.store.objects[a.File.Name]
		if o == nil {
			return core.Answer{Outcome: core.Missing}
		}
		data := bytes.Clone(o.data)
		if p.fault(Flipped) {
			data[len(data)-1] ^= 1
		}
		if sha256.Sum256(data) != a.File.SHA256 && !p.bug.Is(museum.BelieveBytes) {
			return core.Answer{Outcome: core.Corrupt}
		}
		return core.Answer{Statistic: p.parsePartial(data)}
	})
}

// freeze makes a fitted state.
func (p *process) freeze(a core.Freeze) {
	total, ok := a.Total.(*counts)
	if !ok {
		total = &counts{make([]int, p.Shards)}
	}
	data := stateOf(a.Phase.Number, total, a.Failed)
	f := record.File{Name: a.Name, Size: int64(len(data)), SHA256: sha256.Sum256(data)}
	p.keep(a.Op, "freeze", f, data, p.phaseAfter(a.Phase.Number))
}

// compose makes the manifest that readers see.
func (p *process) compose(a core.Compose) {
	data := []byte("manifest:")
	for i := range a.Claims {
		c := &a.Claims[i]
		data = fmt.Appendf(data, " %d %v %v", c.Shard, c.Attempt, c.Failed())
	}
	f := record.File{Name: a.Name, Final: p.plan.Document, Size: int64(len(data)), SHA256: sha256.Sum256(data)}
	p.keep(a.Op, "compose", f, data, record.Phase{})
}
