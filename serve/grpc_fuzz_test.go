package serve

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/http/httptest"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "quern/serve/proto"
)

// FuzzGRPC sends any message to any method that is served: a client's mistake is a status
// that says so, never INTERNAL, and nothing panics.
func FuzzGRPC(f *testing.F) {
	r := twoViews(f, func(c *Config) {
		c.Writer = &kept{}
		c.Limits.Body, c.Limits.Rows = 1<<16, 100
	})
	defer r.generations.Close()
	var paths []string
	for _, to := range r.server.routes() {
		if to.grpc {
			paths = append(paths, to.path)
		}
	}
	slices.Sort(paths)
	if len(paths) < 25 {
		f.Fatalf("only %d methods", len(paths))
	}
	lookup, err := proto.Marshal(&pb.LookupRequest{View: "a", Keys: ids(1, 999), Layout: 1})
	check(f, err)
	for i := range paths {
		for _, message := range [][]byte{lookup, onlineRequest("a:a0"), texts("a", "a"), texts("\x0a\x02id\x12\x011", "a"), nil} {
			f.Add(uint8(i), message)
		}
	}
	f.Fuzz(func(t *testing.T, method uint8, message []byte) {
		path := paths[int(method)%len(paths)]
		body := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
		q := httptest.NewRequest("POST", path, bytes.NewReader(body)).WithContext(context.Background())
		q.ProtoMajor, q.ProtoMinor = 2, 0
		q.Header.Set("Content-Type", "application/grpc")
		w := httptest.NewRecorder()
		r.server.ServeHTTP(w, q)
		reply := w.Result()
		code := reply.Header.Get("Grpc-Status") + reply.Trailer.Get("Grpc-Status")
		if w.Code != 200 || !slices.Contains([]string{"0", "3", "5", "8"}, code) {
			t.Fatalf("%s %x: %d, status %q (%s)", path, message, w.Code, code, reply.Header.Get("Grpc-Message"))
		}
	})
}
