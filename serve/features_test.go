package serve

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"quern/features/column"
	"quern/serve/live/livetest"
	"quern/serve/lookup"
	pb "quern/serve/proto"
)

// dial returns an ordinary client of gRPC.
func (r *rig) dial(t testing.TB, options ...grpc.DialOption) *grpc.ClientConn {
	c, err := grpc.NewClient(strings.TrimPrefix(r.url, "http://"), append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	check(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func bearing(token string) context.Context {
	return metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token)
}

// ids are keys of the views of twoViews.
func ids(n ...int64) []*pb.KeyColumn { return []*pb.KeyColumn{{Name: "id", Ints: n}} }

// TestFeatures asks for the rows 1 and 999 of views whose every value is 1.
func TestFeatures(t *testing.T) {
	r := twoViews(t, func(c *Config) { c.Tokens = someTokens(t) }).start(t)
	client := pb.NewFeaturesClient(r.dial(t))
	reply, err := client.Lookup(bearing(readerToken), &pb.LookupRequest{View: "a", Keys: ids(1, 999)})
	check(t, err)
	now := livetest.Clock().UnixMicro()
	null := make([]byte, 8)
	value := binary.LittleEndian.AppendUint64(nil, 1)
	both := append(value[:8:8], null...)
	want := &pb.LookupResponse{
		Rows: 2, Views: []*pb.View{{Name: "a", Version: "1", Statuses: []byte{1, 3}, Events: []int64{0, lookup.NoTime}, BatchEnd: proto.Int64(0), Staleness: &now}},
		Columns: []*pb.Column{{Name: "a0", Type: pb.Type_TYPE_INT64, Data: both, Valid: []byte{1}}, {Name: "a1", Type: pb.Type_TYPE_INT64, Data: both, Valid: []byte{1}}},
	}
	if !proto.Equal(reply, want) {
		t.Errorf("got  %v\nwant %v", reply, want)
	}
	reply, err = client.Lookup(bearing(readerToken), &pb.LookupRequest{Features: []string{"a@1:a1", "a:a0"}, FullFeatureNames: true, Layout: pb.Layout_LAYOUT_ROWS, Keys: ids(999, 1)})
	check(t, err)
	if reply.Columns[0].Name != "a@1__a1" || !bytes.Equal(reply.Matrix, bytes.Join([][]byte{null, null, value, value}, nil)) || !bytes.Equal(reply.Valid, []byte{12}) {
		t.Errorf("%v", reply)
	}
}

// TestFeaturesRefuses: mistakes, rights and limits, as codes of gRPC.
func TestFeaturesRefuses(t *testing.T) {
	r := twoViews(t, func(c *Config) {
		c.Tokens = someTokens(t)
		c.Limits.Body, c.Limits.Rows = 1<<20, 1000
	}).start(t)
	conn := r.dial(t)
	many := make([]int64, 1001)
	for name, c := range map[string]struct {
		token   string
		in      *pb.LookupRequest
		options []grpc.CallOption
		want    codes.Code
	}{
		"a view":              {readerToken, &pb.LookupRequest{View: "a", Keys: ids(1)}, nil, codes.OK},
		"no token":            {"wrong", &pb.LookupRequest{View: "a", Keys: ids(1)}, nil, codes.Unauthenticated},
		"another's view":      {readerToken, &pb.LookupRequest{View: "b", Keys: ids(1)}, nil, codes.PermissionDenied},
		"another's service":   {readerToken, &pb.LookupRequest{Service: "all", Keys: ids(1)}, nil, codes.PermissionDenied},
		"a feature":           {oneToken, &pb.LookupRequest{Features: []string{"a:a0"}, Keys: ids(1)}, nil, codes.OK},
		"another feature":     {oneToken, &pb.LookupRequest{Features: []string{"a:a1"}, Keys: ids(1)}, nil, codes.PermissionDenied},
		"no view":             {readerToken, &pb.LookupRequest{View: "none", Keys: ids(1)}, nil, codes.NotFound},
		"no feature":          {readerToken, &pb.LookupRequest{Features: []string{"a:none"}, Keys: ids(1)}, nil, codes.NotFound},
		"no service":          {readerToken, &pb.LookupRequest{Service: "none", Keys: ids(1)}, nil, codes.NotFound},
		"nothing":             {readerToken, &pb.LookupRequest{Keys: ids(1)}, nil, codes.InvalidArgument},
		"two things":          {readerToken, &pb.LookupRequest{View: "a", Service: "all", Keys: ids(1)}, nil, codes.InvalidArgument},
		"no keys":             {readerToken, &pb.LookupRequest{View: "a"}, nil, codes.InvalidArgument},
		"no rows":             {readerToken, &pb.LookupRequest{View: "a", Keys: ids()}, nil, codes.InvalidArgument},
		"another key":         {readerToken, &pb.LookupRequest{View: "a", Keys: append(ids(1), &pb.KeyColumn{Name: "x", Ints: []int64{1}})}, nil, codes.InvalidArgument},
		"a key of text":       {readerToken, &pb.LookupRequest{View: "a", Keys: []*pb.KeyColumn{{Name: "id", Texts: []string{"x"}}}}, nil, codes.InvalidArgument},
		"too many rows":       {readerToken, &pb.LookupRequest{View: "a", Keys: ids(many...)}, nil, codes.ResourceExhausted},
		"too large a message": {readerToken, &pb.LookupRequest{View: "a", Keys: ids(make([]int64, 1<<17+1)...)}, nil, codes.ResourceExhausted},
		"a layout to come":    {readerToken, &pb.LookupRequest{View: "a", Keys: ids(1), Layout: 7}, nil, codes.InvalidArgument},
		"compressed":          {readerToken, &pb.LookupRequest{View: "a", Keys: ids(1)}, []grpc.CallOption{grpc.UseCompressor(gzip.Name)}, codes.Unimplemented},
	} {
		_, err := pb.NewFeaturesClient(conn).Lookup(bearing(c.token), c.in, c.options...)
		if status.Code(err) != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	err := conn.Invoke(bearing(readerToken), "/quern.v1.Features/None", &pb.LookupRequest{}, &pb.LookupResponse{})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("a method that is none: %v", err)
	}
}

// TestLargeReply: replies larger than a client's default of 4 MiB go to those that take them.
func TestLargeReply(t *testing.T) {
	r := twoViews(t, func(c *Config) { c.Deadline = time.Minute }).start(t)
	in := &pb.LookupRequest{Service: "all", Keys: ids(make([]int64, 100_000)...)}
	client := pb.NewFeaturesClient(r.dial(t))
	if _, err := client.Lookup(context.Background(), in); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a client that takes 4 MiB: %v", err)
	}
	reply, err := client.Lookup(context.Background(), in, grpc.MaxCallRecvMsgSize(64<<20))
	check(t, err)
	if n := proto.Size(reply); n < 5_000_000 || reply.Rows != 100_000 {
		t.Errorf("%d bytes, %d rows", n, reply.Rows)
	}
}

// TestWireOfGRPC: what is no gRPC, and deadlines that are over, as bytes over HTTP/2.
func TestWireOfGRPC(t *testing.T) {
	r := twoViews(t, nil).start(t)
	message, err := proto.Marshal(&pb.LookupRequest{View: "a", Keys: ids(1)})
	check(t, err)
	framed := string(append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...))
	h2 := &http.Transport{Protocols: &http.Protocols{}}
	h2.Protocols.SetUnencryptedHTTP2(true)
	defer h2.CloseIdleConnections()
	for name, c := range map[string]struct {
		via     http.RoundTripper
		kind    string
		timeout string
		body    string
		http    int
		grpc    string
	}{
		"a call":             {h2, "application/grpc", "1S", framed, 200, "0"},
		"with a subtype":     {h2, "application/grpc+proto", "", framed, 200, "0"},
		"a time-out past":    {h2, "application/grpc", "0n", framed, 200, "4"},
		"no time-out":        {h2, "application/grpc", "soon", framed, 200, "0"},
		"JSON":               {h2, "application/json", "", framed, 415, ""},
		"gRPC for browsers":  {h2, "application/grpc-web", "", framed, 415, ""},
		"HTTP/1.1":           {http.DefaultTransport, "application/grpc", "", framed, 415, ""},
		"an empty body":      {h2, "application/grpc", "", "", 200, "3"},
		"a message too long": {h2, "application/grpc", "", framed + "x", 200, "3"},
		"two messages":       {h2, "application/grpc", "", framed + framed, 200, "3"},
		"a flag to come":     {h2, "application/grpc", "", "\x02" + framed[1:], 200, "3"},
		"compressed":         {h2, "application/grpc", "", "\x01" + framed[1:], 200, "12"},
		"no protobuf":        {h2, "application/grpc", "", "\x00\x00\x00\x00\x02\x0a\x05", 200, "3"},
	} {
		q, err := http.NewRequest("POST", r.url+"/quern.v1.Features/Lookup", strings.NewReader(c.body))
		check(t, err)
		q.Header.Set("Content-Type", c.kind)
		if c.timeout != "" {
			q.Header.Set("Grpc-Timeout", c.timeout)
		}
		reply, err := c.via.RoundTrip(q)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var body bytes.Buffer
		_, err = body.ReadFrom(reply.Body)
		reply.Body.Close()
		check(t, err)
		code := reply.Header.Get("Grpc-Status") + reply.Trailer.Get("Grpc-Status")
		if reply.StatusCode != c.http || code != c.grpc {
			t.Errorf("%s: %d, status %q (%s), want %d, %q", name, reply.StatusCode, code, reply.Header.Get("Grpc-Message"), c.http, c.grpc)
		}
	}
}

// TestFeaturesBeyondADeadline: a client's deadline ends the call on both sides.
func TestFeaturesBeyondADeadline(t *testing.T) {
	r := twoViews(t, nil).start(t)
	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := pb.NewFeaturesClient(r.dial(t)).Lookup(ctx, &pb.LookupRequest{View: "a", Keys: ids(1)}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("%v", err)
	}
}

// BenchmarkFeatures100x50 is the work on a look-up of 100 rows of 50 float32s, from the
// message to the message, without the network.
func BenchmarkFeatures100x50(b *testing.B) {
	s := livetest.NewShelf(b)
	v := lookup.View{Name: "v", Version: "1", TTL: time.Hour * 1000, Keys: []column.Field{{Name: "id", Type: column.Int64}}}
	in := &pb.LookupRequest{Keys: ids()}
	for i := range 50 {
		v.Fields = append(v.Fields, lookup.Field{Name: fmt.Sprintf("feature_%02d", i), Type: column.Float32})
		in.Features = append(in.Features, fmt.Sprintf("v:feature_%02d", i))
	}
	rows := &lookup.Rows{}
	rows.Reset(&v)
	const entities = 50_000
	rows.Rows = entities
	for i := range entities {
		rows.Keys[0].AddInt(int64(i))
		for f := range rows.Fields {
			rows.Fields[f].AddFloat(float64(i+f) / 7)
		}
		rows.Event, rows.Created = append(rows.Event, livetest.Clock().UnixMicro()), append(rows.Created, lookup.NoTime)
	}
	for i := range 100 {
		in.Keys[0].Ints = append(in.Keys[0].Ints, int64(i*487))
	}
	s.Serve(s.Add(v, rows, 1))
	r := newRig(b, s, nil)
	_, err := r.generations.Reload(context.Background())
	check(b, err)
	defer r.generations.Close()
	for _, layout := range []pb.Layout{pb.Layout_LAYOUT_COLUMNS, pb.Layout_LAYOUT_ROWS} {
		b.Run(layout.String(), func(b *testing.B) {
			in.Layout = layout
			message, err := proto.Marshal(in)
			check(b, err)
			var out []byte
			b.ReportAllocs()
			for b.Loop() {
				out, err = r.server.lookupPacked(context.Background(), message, out[:0])
				check(b, err)
			}
			b.SetBytes(int64(len(out)))
		})
	}
}
