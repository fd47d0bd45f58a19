package rpc

import (
	"crypto/sha256"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	gproto "google.golang.org/protobuf/proto"

	"quern/shard/proto"
	"quern/shard/record"
	"quern/shard/rpc/identity"
)

// decoded reads a message as the server does; false: gRPC refuses it before we see it.
func decoded(b []byte, m gproto.Message) bool { return gproto.Unmarshal(b, m) == nil }

// seed adds messages.
func seed(f *testing.F, messages ...gproto.Message) {
	for _, m := range messages {
		b, err := gproto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{})
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f})
}

// refused checks that an error of a check is one for callers.
func refused(t *testing.T, err error) {
	if reason, _ := Reason(err); err != nil && (status.Code(err) != codes.InvalidArgument || reason == "") {
		t.Errorf("%v is no error for callers", err)
	}
}

func FuzzOpenJob(f *testing.F) {
	seed(f, &proto.OpenJobRequest{Job: make([]byte, 16), Protocol: 1, Build: "v1"}, &proto.OpenJobRequest{Job: make([]byte, 17)})
	f.Fuzz(func(t *testing.T, b []byte) {
		var m proto.OpenJobRequest
		if !decoded(b, &m) {
			return
		}
		job, err := checkOpen(&m)
		refused(t, err)
		if err == nil && (string(job[:]) != string(m.GetJob()) || len(m.GetBuild()) > maxBuild) {
			t.Errorf("%v passes as %v", &m, job)
		}
	})
}

func FuzzSubmitPartial(f *testing.F) {
	job := record.Job{1}
	seed(f, header(job, 3, 100, [32]byte{1}), header(job, 1<<20, 0, [32]byte{}), chunk([]byte("statistic")), chunk(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m proto.SubmitPartialRequest
		if !decoded(b, &m) {
			return
		}
		key, size, err := checkHeader(m.GetHeader())
		refused(t, err)
		if err == nil && (size <= 0 || key.shard >= record.MaxShards || key.phase >= maxPhase || string(key.digest[:]) != string(m.GetHeader().GetSha256())) {
			t.Errorf("%v passes as %v of %d bytes", &m, key, size)
		}
		for _, left := range []int64{0, 5, 1 << 30} {
			data, err := checkChunk(&m, left)
			refused(t, err)
			if err == nil && (len(data) == 0 || len(data) > maxChunk || int64(len(data)) > left) {
				t.Errorf("a chunk of %d bytes passes with %d left", len(data), left)
			}
		}
	})
}

// FuzzProposeCommit seals what it is given, so that claims get past their checksum.
func FuzzProposeCommit(f *testing.F) {
	job := record.Job{1}
	good := proposal(job, 0, 3, []byte("stat"))
	seed(f, &proto.ProposeCommitRequest{Job: job[:], Shard: 3, Claim: good.Claim}, &proto.ProposeCommitRequest{Job: job[:], Shard: 4, Claim: good.Claim[:60]})
	f.Fuzz(func(t *testing.T, b []byte) {
		var m proto.ProposeCommitRequest
		if !decoded(b, &m) {
			return
		}
		for range 2 {
			id, claim, err := checkProposal(&m)
			refused(t, err)
			if err == nil && (claim.Shard != m.GetShard() || claim.Phase != m.GetPhase() || string(id[:]) != string(m.GetJob())) {
				t.Errorf("%v passes as %v of %v", &m, claim, id)
			}
			for i := 0; err == nil && i < len(claim.Files); i++ {
				if claim.Files[i].Name != record.NamesOf(id).File(claim.Phase, claim.Shard, claim.Attempt, i) {
					t.Errorf("the claim passes with file %s", claim.Files[i].Name)
				}
			}
			if len(m.Claim) < 32 {
				return
			}
			body := m.Claim[:len(m.Claim)-32]
			sum := sha256.Sum256(body)
			m.Claim = append(body[:len(body):len(body)], sum[:]...)
		}
	})
}

func FuzzWaitFitted(f *testing.F) {
	seed(f, &proto.WaitFittedRequest{Job: make([]byte, 16), Phase: 3}, &proto.WaitFittedRequest{Phase: 1 << 31})
	f.Fuzz(func(t *testing.T, b []byte) {
		var m proto.WaitFittedRequest
		if !decoded(b, &m) {
			return
		}
		_, err := checkWait(&m)
		refused(t, err)
		if err == nil && (m.GetPhase() >= maxPhase || len(m.GetJob()) != 16) {
			t.Errorf("%v passes", &m)
		}
	})
}

func FuzzProgress(f *testing.F) {
	seed(f, &proto.ProgressRequest{Job: make([]byte, 16)}, &proto.ProgressRequest{Job: []byte("short")})
	f.Fuzz(func(t *testing.T, b []byte) {
		var m proto.ProgressRequest
		if !decoded(b, &m) {
			return
		}
		_, err := checkJob(m.GetJob())
		refused(t, err)
		if err == nil && len(m.GetJob()) != 16 {
			t.Errorf("%v passes", &m)
		}
	})
}

func FuzzCancel(f *testing.F) {
	seed(f, &proto.CancelRequest{Job: make([]byte, 16), Reason: "no more"}, &proto.CancelRequest{Job: make([]byte, 16)})
	f.Fuzz(func(t *testing.T, b []byte) {
		var m proto.CancelRequest
		if !decoded(b, &m) {
			return
		}
		_, err := checkCancel(&m)
		refused(t, err)
		if err == nil && (m.GetReason() == "" || len(m.GetReason()) > maxReason) {
			t.Errorf("%v passes", &m)
		}
	})
}

// FuzzIdentity: what passes as a name is written back the same, but for ranges that
// have two ways to be written.
func FuzzIdentity(f *testing.F) {
	for _, s := range []string{"quern://worker/*/*", "quern://operator/0102030405060708090a0b0c0d0e0f10/0-9,12", "quern://worker/*/9-3", "quern://", "quern://worker/*/4294967295"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := identity.ParseURI(text)
		if err != nil {
			return
		}
		again, err := identity.ParseURI(p.URI())
		if err != nil || again.URI() != p.URI() || again.Role != p.Role || again.Job != p.Job || again.AnyJob != p.AnyJob {
			t.Errorf("%q is %+v, which is written %q (%v)", text, p, p.URI(), err)
		}
		for _, shard := range []uint32{0, 3, 9, 1 << 31, 1<<32 - 1} {
			if p.Shards.Contains(shard) != again.Shards.Contains(shard) {
				t.Errorf("%q and %q differ in shard %d", text, p.URI(), shard)
			}
		}
	})
}
