package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"quern/shard/core"
	"quern/shard/proto"
	"quern/shard/record"
	"quern/shard/work"
)

// TestAChildHasOneShard: what a child's secret opens is the shard that it was given last.
func TestAChildHasOneShard(t *testing.T) {
	j := tinyJob(t)
	d, err := openDesk(j, "127.0.0.1:0", nil, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	secret := newToken()
	d.assign(0, secret, 1)
	d.assign(0, secret, 0)
	ended := make(chan core.Exit, 1)
	go func() { ended <- d.run(t.Context()) }()
	connection, err := grpc.NewClient(d.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	client := proto.NewCoordinatorClient(connection)
	for shard, want := range slices.Backward([]codes.Code{codes.OK, codes.PermissionDenied, codes.PermissionDenied}) {
		failed := record.Claim{Shard: uint32(shard), Failure: "for the test"}
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+secret)
		_, err := client.ProposeCommit(ctx, &proto.ProposeCommitRequest{Job: j.ID[:], Shard: uint32(shard), Claim: failed.Encode(j.ID)})
		if got := status.Code(err); got != want {
			t.Errorf("a claim on shard %d: %v (%v), want %v", shard, got, err, want)
		}
	}
	d.Cancel("the test is done")
	<-ended
}

// tinyJob plans a job of some files.
func tinyJob(t *testing.T) *work.Job {
	t.Helper()
	dir := t.TempDir()
	recipe := filepath.Join(dir, "recipe.yaml")
	for name, text := range map[string]string{
		recipe:                           "quern: 1\nname: tiny\nsource: {csv: 'rows-*.csv'}\nfeatures:\n  - {columns: [a], steps: [log1p]}\noutput:\n  parquet: {path: out}\n",
		filepath.Join(dir, "rows-0.csv"): "a\n1\n2\n",
		filepath.Join(dir, "rows-1.csv"): "a\n3\n4\n",
		filepath.Join(dir, "rows-2.csv"): "a\n5\n6\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := newApp(io.Discard, io.Discard)
	a.flags.onBadFile = "fail"
	o, err := a.options()
	if err != nil {
		t.Fatal(err)
	}
	j, err := a.planJob(t.Context(), recipe, &coordinatorFlags{request: work.Request{Shards: 3}}, o)
	if err != nil {
		t.Fatal(err)
	}
	return j
}
