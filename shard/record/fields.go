package record

import "crypto/sha256"

// Encode returns the bytes of the plan and the identity of its job, which is their
// digest: whoever finds other bytes in the slot has found another job, or damage.
func (p *Plan) Encode() ([]byte, Job) {
	job := p.job()
	return p.fields(begin(PlanKind, job)).seal(), job
}

// job digests the fields: the identity cannot be part of what it identifies.
func (p *Plan) job() Job {
	sum := sha256.Sum256(p.fields(begin(PlanKind, Job{})).b)
	return Job(sum[:16])
}

func (p *Plan) fields(e *encoder) *encoder {
	p.Phase.fields(e)
	e.small(p.AllowFailed)
	e.text(p.Document)
	e.bytes(p.Spec)
	return e
}

// ParsePlan reads the plan of a job.
func ParsePlan(data []byte, job Job) (*Plan, error) {
	d, err := open(data, PlanKind, job)
	if err != nil {
		return nil, err
	}
	p := &Plan{Phase: d.phase(), AllowFailed: d.small(), Document: d.name(), Spec: d.bytes()}
	if err := d.close(); err != nil {
		return nil, err
	}
	if p.Phase.Number != 0 || p.job() != job {
		return nil, ErrForeign
	}
	return p, nil
}

func (p *Phase) fields(e *encoder) {
	e.small(p.Number)
	e.truth(p.Learns)
	e.small(p.Shards)
	e.bytes(p.Spec)
}

func (d *decoder) phase() Phase {
	p := Phase{Number: d.small(), Learns: d.truth(), Shards: d.small(), Spec: d.bytes()}
	if p.Shards > MaxShards {
		d.fail()
	}
	return p
}

// Encode returns the bytes of the record.
func (r *Epoch) Encode(job Job) []byte {
	e := begin(EpochKind, job)
	e.number(r.Number)
	e.attempt(r.Driver)
	return e.seal()
}

// ParseEpoch reads the epoch in the slot of that number.
func ParseEpoch(data []byte, job Job, number uint64) (*Epoch, error) {
	d, err := open(data, EpochKind, job)
	if err != nil {
		return nil, err
	}
	r := &Epoch{Number: d.number(), Driver: d.attempt()}
	if err := d.close(); err != nil {
		return nil, err
	}
	if r.Number != number {
		return nil, ErrForeign
	}
	return r, nil
}

// Encode returns the bytes of the record.
func (c *Claim) Encode(job Job) []byte {
	e := begin(ClaimKind, job)
	c.fields(e)
	return e.seal()
}

func (c *Claim) fields(e *encoder) {
	e.small(c.Phase)
	e.small(c.Shard)
	e.attempt(c.Attempt)
	e.number(c.Epoch)
	e.text(c.Failure)
	e.list(len(c.Files))
	for i := range c.Files {
		c.Files[i].fields(e)
	}
	e.count(c.Rows)
	e.bytes(c.Note)
}

// ParseClaim reads the claim in the slot of a shard.
func ParseClaim(data []byte, job Job, phase, shard uint32) (*Claim, error) {
	d, err := open(data, ClaimKind, job)
	if err != nil {
		return nil, err
	}
	c := d.claim()
	if err := d.close(); err != nil {
		return nil, err
	}
	if c.Phase != phase || c.Shard != shard {
		return nil, ErrForeign
	}
	return &c, nil
}

// minClaim and minFile are the least that a claim and a file take.
const (
	minClaim = 22
	minFile  = 37
)

func (d *decoder) claim() Claim {
	c := Claim{Phase: d.small(), Shard: d.small(), Attempt: d.attempt(), Epoch: d.number(), Failure: d.text()}
	for range d.list(minFile) {
		c.Files = append(c.Files, d.file())
	}
	c.Rows, c.Note = d.count(), d.bytes()
	return c
}

func (f *File) fields(e *encoder) {
	e.text(f.Name)
	e.text(f.Final)
	e.count(f.Size)
	e.fixed(f.SHA256[:])
	e.count(f.Rows)
}

func (d *decoder) file() File {
	f := File{Name: d.name()}
	if final := d.text(); final != "" {
		f.Final = final
		if !visible(final) {
			d.fail()
		}
	}
	f.Size, f.SHA256, f.Rows = d.count(), [32]byte(d.fixed(32)), d.count()
	return f
}

// Encode returns the bytes of the record.
func (r *Fitted) Encode(job Job) []byte {
	e := begin(FittedKind, job)
	e.small(r.Phase)
	e.attempt(r.Attempt)
	e.number(r.Epoch)
	r.State.fields(e)
	e.list(len(r.Failed))
	for _, shard := range r.Failed {
		e.small(shard)
	}
	r.Next.fields(e)
	return e.seal()
}

// ParseFitted reads what a phase taught.
func ParseFitted(data []byte, job Job, phase uint32) (*Fitted, error) {
	d, err := open(data, FittedKind, job)
	if err != nil {
		return nil, err
	}
	r := &Fitted{Phase: d.small(), Attempt: d.attempt(), Epoch: d.number(), State: d.file()}
	for range d.list(1) {
		shard := d.small()
		if n := len(r.Failed); n > 0 && r.Failed[n-1] >= shard {
			d.fail()
		}
		r.Failed = append(r.Failed, shard)
	}
	r.Next = d.phase()
	if err := d.close(); err != nil {
		return nil, err
	}
	if r.Phase != phase || r.Next.Number != phase+1 {
		return nil, ErrForeign
	}
	return r, nil
}

// Encode returns the bytes of the record.
func (m *Manifest) Encode(job Job) []byte {
	e := begin(ManifestKind, job)
	e.attempt(m.Attempt)
	e.number(m.Epoch)
	e.count(m.Rows)
	e.list(len(m.Claims))
	for i := range m.Claims {
		m.Claims[i].fields(e)
	}
	m.Document.fields(e)
	return e.seal()
}

// ParseManifest reads the manifest of a job. Its claims are of one phase, each shard
// once and in order.
func ParseManifest(data []byte, job Job) (*Manifest, error) {
	d, err := open(data, ManifestKind, job)
	if err != nil {
		return nil, err
	}
	m := &Manifest{Attempt: d.attempt(), Epoch: d.number(), Rows: d.count()}
	for i := range d.list(minClaim) {
		c := d.claim()
		if int(c.Shard) != i || i > 0 && c.Phase != m.Claims[0].Phase {
			d.fail()
			break
		}
		m.Claims = append(m.Claims, c)
	}
	m.Document = d.file()
	if err := d.close(); err != nil {
		return nil, err
	}
	return m, nil
}
