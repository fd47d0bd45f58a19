package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
)

// sample is one record of each kind, with fields at their edges.
type sample struct {
	name   string
	data   []byte
	parse  func(data []byte, job Job) (any, error)
	value  any
	encode func(v any) []byte
}

func samples() (Job, []sample) {
	plan := &Plan{Phase: Phase{Learns: true, Shards: 10_000, Spec: []byte("scan a, b")}, AllowFailed: 3,
		Document: "_quern/manifest.json", Spec: []byte{0, 255}}
	planned, job := plan.Encode()
	a, b := NewAttempt(1_700_000_000_000_000, 7), NewAttempt(math.MaxInt64, math.MaxUint64)
	names := NamesOf(job)
	file := File{Name: names.File(1, 2, a, 0), Final: "out/part-00002.parquet", Size: math.MaxInt64, SHA256: sha256.Sum256([]byte("x")), Rows: 1}
	claim := &Claim{Phase: 1, Shard: 2, Attempt: a, Epoch: math.MaxUint64, Files: []File{file, {Name: "p"}}, Rows: 12, Note: []byte("note")}
	failure := &Claim{Phase: 1, Shard: math.MaxUint32, Attempt: b, Failure: "a.parquet row group 3: cut"}
	epoch := &Epoch{Number: 1, Driver: a}
	fitted := &Fitted{Phase: 0, Attempt: a, Epoch: 2, State: File{Name: names.State(0, a)}, Failed: []uint32{0, 7, math.MaxUint32},
		Next: Phase{Number: 1, Shards: 1}}
	first := *claim
	first.Shard = 0
	manifest := &Manifest{Attempt: b, Epoch: 3, Rows: 99, Claims: []Claim{first, {Phase: 1, Shard: 1, Failure: "no"}},
		Document: File{Name: names.Document(b), Final: "_quern/manifest.json"}}
	return job, []sample{
		{"plan", planned, func(d []byte, j Job) (any, error) { return ParsePlan(d, j) }, plan,
			func(v any) []byte { b, _ := v.(*Plan).Encode(); return b }},
		{"epoch", epoch.Encode(job), func(d []byte, j Job) (any, error) { return ParseEpoch(d, j, 1) }, epoch,
			func(v any) []byte { return v.(*Epoch).Encode(job) }},
		{"claim", claim.Encode(job), func(d []byte, j Job) (any, error) { return ParseClaim(d, j, 1, 2) }, claim,
			func(v any) []byte { return v.(*Claim).Encode(job) }},
		{"failure", failure.Encode(job), func(d []byte, j Job) (any, error) { return ParseClaim(d, j, 1, math.MaxUint32) }, failure,
			func(v any) []byte { return v.(*Claim).Encode(job) }},
		{"fitted", fitted.Encode(job), func(d []byte, j Job) (any, error) { return ParseFitted(d, j, 0) }, fitted,
			func(v any) []byte { return v.(*Fitted).Encode(job) }},
		{"manifest", manifest.Encode(job), func(d []byte, j Job) (any, error) { return ParseManifest(d, j) }, manifest,
			func(v any) []byte { return v.(*Manifest).Encode(job) }},
	}
}

func TestRecordsComeBack(t *testing.T) {
	job, all := samples()
	for _, s := range all {
		got, err := s.parse(s.data, job)
		if err != nil || !reflect.DeepEqual(got, s.value) {
			t.Errorf("%s: %+v (%v), want %+v", s.name, got, err, s.value)
			continue
		}
		if again := s.encode(got); !bytes.Equal(again, s.data) {
			t.Errorf("%s: other bytes the second time", s.name)
		}
	}
}

// TestDamageIsNoticed flips every bit, cuts at every length and appends: nothing of it
// is believed, and most is damage, the rest a later version or another job.
func TestDamageIsNoticed(t *testing.T) {
	job, all := samples()
	for _, s := range all {
		for i := range len(s.data) * 8 {
			bad := bytes.Clone(s.data)
			bad[i/8] ^= 1 << (i % 8)
			if _, err := s.parse(bad, job); !errors.Is(err, ErrTorn) {
				t.Fatalf("%s with bit %d flipped: %v", s.name, i, err)
			}
		}
		for n := range len(s.data) {
			if _, err := s.parse(s.data[:n], job); !errors.Is(err, ErrTorn) {
				t.Fatalf("%s cut at %d: %v", s.name, n, err)
			}
		}
		if _, err := s.parse(append(bytes.Clone(s.data), 0), job); !errors.Is(err, ErrTorn) {
			t.Errorf("%s with a byte more: %v", s.name, err)
		}
	}
}

// sealed is data with a fresh checksum.
func sealed(data []byte) []byte {
	body := data[: len(data)-sha256.Size : len(data)-sha256.Size]
	sum := sha256.Sum256(body)
	return append(body, sum[:]...)
}

// TestStrangersAreNotBelieved has records with good checksums in places where they do
// not belong.
func TestStrangersAreNotBelieved(t *testing.T) {
	job, all := samples()
	for _, s := range all {
		if _, err := s.parse(s.data, Job{1}); !errors.Is(err, ErrForeign) {
			t.Errorf("%s of another job: %v", s.name, err)
		}
		later := bytes.Clone(s.data)
		later[len(magic)]++
		if _, err := s.parse(sealed(later), job); !errors.Is(err, ErrVersion) {
			t.Errorf("%s of a later version: %v", s.name, err)
		}
		for _, other := range all {
			if other.name != s.name {
				if _, err := s.parse(other.data, job); !errors.Is(err, ErrForeign) {
					t.Errorf("%s in the place of %s: %v", other.name, s.name, err)
				}
			}
		}
	}
	claim := all[2].data
	if _, err := ParseClaim(claim, job, 1, 3); !errors.Is(err, ErrForeign) {
		t.Errorf("claim of another shard: %v", err)
	}
	if _, err := ParseClaim(claim, job, 0, 2); !errors.Is(err, ErrForeign) {
		t.Errorf("claim of another phase: %v", err)
	}
	if _, err := ParseEpoch(all[1].data, job, 2); !errors.Is(err, ErrForeign) {
		t.Errorf("another epoch: %v", err)
	}
	forged := &Plan{Document: "d", Spec: []byte("another")}
	e := forged.fields(begin(PlanKind, job))
	if _, err := ParsePlan(e.seal(), job); !errors.Is(err, ErrForeign) {
		t.Errorf("plan under another's name: %v", err)
	}
}

// TestOnlyCanonicalBytes builds records by hand that say the right thing wrongly.
func TestOnlyCanonicalBytes(t *testing.T) {
	job := Job{}
	a := NewAttempt(1, 2)
	for name, write := range map[string]func(e *encoder){
		"a long number":   func(e *encoder) { e.fixed([]byte{0x81, 0x00}); e.attempt(a) },
		"a huge number":   func(e *encoder) { e.fixed(bytes.Repeat([]byte{0xff}, 10)); e.attempt(a) },
		"something after": func(e *encoder) { e.number(1); e.attempt(a); e.number(0) },
		"too little":      func(e *encoder) { e.number(1) },
	} {
		e := begin(EpochKind, job)
		write(e)
		if _, err := ParseEpoch(e.seal(), job, 1); !errors.Is(err, ErrTorn) {
			t.Errorf("epoch with %s: %v", name, err)
		}
	}
	file := func(name, final string) []byte {
		c := &Claim{Files: []File{{Name: name, Final: final}}}
		return c.Encode(job)
	}
	for _, f := range [][2]string{{"../x", ""}, {"/x", ""}, {"", ""}, {".", ""}, {"x", "../y"}, {"x", "_quern/jobs/y"}, {"x", "_quern/jobs"}, {"x", "a//b"}} {
		if _, err := ParseClaim(file(f[0], f[1]), job, 0, 0); !errors.Is(err, ErrTorn) {
			t.Errorf("file %q: %v", f, err)
		}
	}
	many := begin(ClaimKind, job)
	many.small(0)
	many.small(0)
	many.attempt(a)
	many.number(0)
	many.text("")
	many.number(1 << 60)
	if _, err := ParseClaim(many.seal(), job, 0, 0); !errors.Is(err, ErrTorn) {
		t.Errorf("more files than bytes: %v", err)
	}
	for name, m := range map[string]*Manifest{
		"a shard twice": {Claims: []Claim{{}, {}}, Document: File{Name: "d"}},
		"two phases":    {Claims: []Claim{{}, {Phase: 1, Shard: 1}}, Document: File{Name: "d"}},
	} {
		if _, err := ParseManifest(m.Encode(job), job); !errors.Is(err, ErrTorn) {
			t.Errorf("manifest with %s: %v", name, err)
		}
	}
	large := &Plan{Phase: Phase{Shards: MaxShards + 1}, Document: "d"}
	data, its := large.Encode()
	if _, err := ParsePlan(data, its); !errors.Is(err, ErrTorn) {
		t.Errorf("too many shards: %v", err)
	}
	f := &Fitted{State: File{Name: "s"}, Failed: []uint32{2, 2}, Next: Phase{Number: 1}}
	if _, err := ParseFitted(f.Encode(job), job, 0); !errors.Is(err, ErrTorn) {
		t.Errorf("failed shards twice: %v", err)
	}
}

// TestGolden holds the format: a record that was written once must be read for ever.
func TestGolden(t *testing.T) {
	_, all := samples()
	var text strings.Builder
	for _, s := range all {
		fmt.Fprintf(&text, "%s %s\n", s.name, hex.EncodeToString(s.data))
	}
	const golden = "testdata/records-v1.txt"
	if os.Getenv("QUERN_REWRITE") != "" {
		if err := os.WriteFile(golden, []byte(text.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("the bytes of records changed: raise the version\n%s", text.String())
	}
}

func TestPlansWithEqualBytesAreOneJob(t *testing.T) {
	p := Plan{Phase: Phase{Shards: 3}, Document: "d", Spec: []byte("s")}
	_, job := p.Encode()
	seen := map[Job]bool{job: true}
	for i, change := range []func(*Plan){
		func(p *Plan) { p.Phase.Shards++ }, func(p *Plan) { p.Phase.Learns = true }, func(p *Plan) { p.AllowFailed++ },
		func(p *Plan) { p.Document = "e" }, func(p *Plan) { p.Spec = nil }, func(p *Plan) { p.Phase.Spec = []byte("s") },
	} {
		q := p
		change(&q)
		_, other := q.Encode()
		if seen[other] {
			t.Errorf("change %d makes no other job", i)
		}
		seen[other] = true
	}
}

func TestNames(t *testing.T) {
	job, _ := samples()
	n, a := NamesOf(job), NewAttempt(5, 6)
	if e, ok := n.EpochOf(n.Epoch(12)); !ok || e != 12 {
		t.Errorf("epoch %d %v", e, ok)
	}
	if s, ok := n.ShardOf(n.Claim(3, 123456789), 3); !ok || s != 123456789 {
		t.Errorf("shard %d %v", s, ok)
	}
	if got, ok := n.AttemptOf(n.File(3, 4, a, 0)); !ok || got != a || got.Micros() != 5 {
		t.Errorf("attempt %v %v", got, ok)
	}
	if j, ok := JobOf(n.Plan()); !ok || j != job {
		t.Errorf("job %v %v", j, ok)
	}
	for _, slot := range []string{n.Plan(), n.Manifest(), n.Epoch(1), n.Claim(0, 0), n.Fitted(0), n.State(0, a), n.Document(a), "",
		n.Files(0) + "x", n.Files(0) + "1." + strings.Repeat("z", 32) + ".0", "part-00000.parquet"} {
		if _, ok := n.AttemptOf(slot); ok {
			t.Errorf("%q could be collected", slot)
		}
	}
	for _, name := range []string{n.Epochs() + "1", n.Epoch(0), n.Epochs(), "x", n.Epochs() + "00000000000000x1"} {
		if _, ok := n.EpochOf(name); ok {
			t.Errorf("%q is taken for an epoch", name)
		}
	}
	for _, name := range []string{n.Claims(0) + "1", n.Claim(1, 1), n.Claims(0) + "99999999999", n.Claims(0)} {
		if _, ok := n.ShardOf(name, 0); ok {
			t.Errorf("%q is taken for a claim of phase 0", name)
		}
	}
}

// FuzzRecords holds the parsers to what they promise about any bytes: no panic, and
// what is believed is written again with the same bytes.
func FuzzRecords(f *testing.F) {
	job, all := samples()
	for _, s := range all {
		f.Add(s.data)
		f.Add(s.data[headerSize : len(s.data)-sha256.Size])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, s := range all {
			var kind Kind
			if len(s.data) > len(magic)+1 {
				kind = Kind(s.data[len(magic)+1])
			}
			e := begin(kind, job) // the bytes as they are, and as the fields of a good record
			e.fixed(data)
			for _, text := range [][]byte{data, e.seal()} {
				if v, err := s.parse(text, job); err == nil && !bytes.Equal(s.encode(v), text) {
					t.Fatalf("%s: believed %x, wrote %x", s.name, text, s.encode(v))
				}
			}
		}
	})
}
