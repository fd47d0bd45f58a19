package simulate

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"

	"quern/shard/core"
	"quern/shard/record"
)

// judge knows what must hold, and looks at every write, every step and every exit.
type judge struct {
	*world
	slots     map[string][]byte   // what was put into the slots; power loss apart, it never changes
	epochs    map[uint64]*process // who drives
	computes  int
	afterlife bool // the job is done: no work and no new objects from here on
}

// slot reports whether a name is that of a record.
func (w *world) slot(name string) bool {
	return name == w.names.Plan() || name == w.names.Manifest() || strings.Contains(name, "/claim/") ||
		strings.Contains(name, "/epoch/") || strings.HasSuffix(name, "/fitted")
}

// stored judges an object that can be seen from now on.
func (j *judge) stored(name string, data []byte) {
	if j.afterlife {
		j.violated("%s was written after the job was done", short(name))
	}
	if j.slot(name) {
		if old, ok := j.slots[name]; ok && !bytes.Equal(old, data) {
			j.violated("the slot %s has a second winner", short(name))
		}
		j.slots[name] = data
	}
	switch {
	case name == j.names.Manifest():
		j.manifest(data)
	case strings.HasSuffix(name, "/fitted"):
		j.fitted(name, data)
	case strings.Contains(name, "/claim/"):
		j.claimed(name, data)
	case !strings.HasPrefix(name, record.Root):
		j.visible(name, data)
	}
}

// removed judges an object that is gone. What a loss of power took was never
// acknowledged.
func (j *judge) removed(name string, power bool) {
	if power {
		delete(j.slots, name)
		return
	}
	if j.slot(name) {
		j.violated("the slot %s was freed", short(name))
	}
	if _, done := j.slots[j.names.Manifest()]; !done {
		j.named(name, "removed")
	}
	if !strings.HasPrefix(name, record.Root) && j.slots[j.names.Manifest()] != nil {
		j.violated("%s is gone after the job was done", name)
	}
}

// overwritten judges a file whose bytes changed.
func (j *judge) overwritten(name string) { j.named(name, "overwritten") }

// named finds it a violation if a claim names the file.
func (j *judge) named(name, what string) {
	for _, c := range j.claims() {
		for _, f := range c.Files {
			if f.Name == name {
				j.violated("%s, which is claimed, was %s", short(name), what)
			}
		}
	}
}

// claims returns all claims that are in their slots.
func (j *judge) claims() (all []*record.Claim) {
	for phase := range uint32(j.Learning + 1) {
		for shard := range uint32(j.Shards) {
			if c := j.claim(phase, shard); c != nil {
				all = append(all, c)
			}
		}
	}
	return all
}

// claim returns the claim in a slot; nil if there is none.
func (j *judge) claim(phase, shard uint32) *record.Claim {
	c, err := record.ParseClaim(j.slots[j.names.Claim(phase, shard)], j.job, phase, shard)
	if err != nil {
		return nil
	}
	return c
}

// claimed judges a new claim: its files are there for good, and were made of the right
// state.
func (j *judge) claimed(name string, data []byte) {
	var phase uint32
	for p := range uint32(j.Learning + 1) {
		if strings.HasPrefix(name, j.names.Claims(p)) {
			phase = p
		}
	}
	shard, _ := j.names.ShardOf(name, phase)
	c, err := record.ParseClaim(data, j.job, phase, shard)
	if err != nil {
		j.violated("the slot %s holds bytes that are no claim: %v", short(name), err)
		return
	}
	for _, f := range c.Files {
		if o := j.store.objects[f.Name]; o == nil || !o.durable || sha256.Sum256(o.data) != f.SHA256 {
			j.violated("%s was claimed before it was stored", short(f.Name))
		}
	}
	if phase > 0 && !c.Failed() {
		f, err := record.ParseFitted(j.slots[j.names.Fitted(phase-1)], j.job, phase-1)
		if err != nil || !bytes.Equal(c.Note, f.State.SHA256[:]) {
			j.violated("shard %d of phase %d was computed with another state than the phase before taught", shard, phase)
		}
	}
}

// fitted judges a new fitted state: it is the merge of one partial of each shard.
func (j *judge) fitted(name string, data []byte) {
	for phase := range uint32(j.Learning) {
		if name != j.names.Fitted(phase) {
			continue
		}
		f, err := record.ParseFitted(data, j.job, phase)
		if err != nil {
			j.violated("%s: %v", short(name), err)
			return
		}
		want := &counts{make([]int, j.Shards)}
		var failed []uint32
		for shard := range uint32(j.Shards) {
			switch c := j.claim(phase, shard); {
			case c == nil:
				j.violated("phase %d was closed before shard %d was settled", phase, shard)
				return
			case c.Failed():
				failed = append(failed, shard)
			default:
				want.of[shard] = 1
			}
		}
		j.mayLose(f.Failed, phase)
		if state := stateOf(phase, want, failed); f.State.SHA256 != sha256.Sum256(state) {
			j.violated("phase %d taught %q, not %q", phase, j.store.objects[f.State.Name].data, state)
		}
	}
}

// mayLose judges how many shards a job goes on without.
func (j *judge) mayLose(told []uint32, last uint32) {
	var lost []uint32
	for _, c := range j.claims() {
		if c.Failed() && c.Phase <= last {
			lost = append(lost, c.Shard)
		}
	}
	slices.Sort(lost)
	if lost = slices.Compact(lost); len(lost) > int(j.AllowFailed) || !slices.Equal(told, lost) {
		j.violated("the job went on although shards %v failed (recorded: %v) and %d may", lost, told, j.AllowFailed)
	}
}

// manifest judges the end of the job.
func (j *judge) manifest(data []byte) {
	m, err := record.ParseManifest(data, j.job)
	if err != nil {
		j.violated("manifest: %v", err)
		return
	}
	if len(m.Claims) != j.Shards {
		j.violated("the manifest has %d shards, not %d", len(m.Claims), j.Shards)
	}
	var lost []uint32
	if j.Learning > 0 {
		if f, err := record.ParseFitted(j.slots[j.names.Fitted(uint32(j.Learning-1))], j.job, uint32(j.Learning-1)); err == nil {
			lost = f.Failed
		}
	}
	for i := range m.Claims {
		c := &m.Claims[i]
		if won := j.claim(uint32(j.Learning), uint32(i)); won == nil || won.Attempt != c.Attempt {
			j.violated("the manifest has shard %d of another attempt than the claim's", i)
		}
		if c.Failed() {
			lost = append(lost, c.Shard)
			continue
		}
		for _, f := range c.Files {
			if o := j.store.objects[f.Final]; o == nil || !o.durable || sha256.Sum256(o.data) != f.SHA256 {
				j.violated("the manifest names %s, which is not there", f.Final)
			}
		}
	}
	slices.Sort(lost)
	j.mayLose(slices.Compact(lost), uint32(j.Learning))
}

// visible judges an object that readers can see.
func (j *judge) visible(name string, data []byte) {
	sum := sha256.Sum256(data)
	if name == j.plan.Document {
		m, err := record.ParseManifest(j.slots[j.names.Manifest()], j.job)
		if err != nil || m.Document.SHA256 != sum {
			j.violated("readers see a manifest that is not the job's")
		}
		return
	}
	for _, c := range j.claims() {
		for _, f := range c.Files {
			if f.Final == name && f.SHA256 == sum {
				return
			}
		}
	}
	j.violated("%s has bytes that no claim names", name)
}

// putting judges who publishes: nobody who could know that another driver took over,
// because it learnt what made it act from a question that it asked after that.
func (j *judge) putting(p *process, name string) {
	if name != j.names.Manifest() && !strings.HasSuffix(name, "/fitted") {
		return
	}
	for number := range j.epochs {
		o := j.store.objects[j.names.Epoch(number)]
		if mine := p.epoch(); mine > 0 && number > mine && o != nil && o.born < p.cause {
			j.violated("%s with epoch %d publishes %s although epoch %d began before it asked", p.name, mine, short(name), number)
		}
	}
}

// stepped judges the epochs.
func (j *judge) stepped(p *process) {
	if _, drives := p.machine.(*core.Coordinator); !drives {
		return
	}
	if e := p.epoch(); e > 0 {
		if other := j.epochs[e]; other != nil && other != p {
			j.violated("%s and %s both have epoch %d", p.name, other.name, e)
		}
		j.epochs[e] = p
	}
}

// computing counts work. Nobody works at a shard of which it could know that it is
// settled.
func (j *judge) computing(p *process) {
	j.computes++
	if c := j.store.objects[j.names.Claim(uint32(p.task.phase), uint32(p.task.shard))]; c != nil && c.born < p.cause {
		j.violated("%s does the work of a shard that was settled before", p.name)
	}
	if j.afterlife {
		j.violated("%s does work of a finished job", p.name)
	}
}

// exited judges what a process says at its end.
func (j *judge) exited(p *process, e core.Exit) {
	switch {
	case e.Code == core.Broken:
		j.violated("%s finds the log damaged: %s", p.name, e.Reason)
	case p.task == nil:
	case e.Code == core.Committed, e.Code == core.Poisoned && !j.doomed():
		name := j.names.Claim(uint32(p.task.phase), uint32(p.task.shard))
		if o := j.store.objects[name]; o == nil || !o.durable {
			j.violated("%s exits %d, and its shard is not settled", p.name, e.Code)
		}
		c := j.claim(uint32(p.task.phase), uint32(p.task.shard))
		if c != nil && e.Code == core.Poisoned && !c.Failed() {
			j.violated("%s tells its engine that the shard failed, and it is done", p.name)
		}
	}
}

// doomed reports whether too many shards failed.
func (j *judge) doomed() bool {
	failed := uint32(0)
	for _, c := range j.claims() {
		if c.Failed() {
			failed++
		}
	}
	return failed > j.AllowFailed
}

// done reports whether readers see the job's manifest.
func (j *judge) done() bool { return j.store.objects[j.plan.Document] != nil }
