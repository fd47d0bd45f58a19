package serve

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/emptypb"

	"quern/serve/access"
)

// onlineRequest is a GetOnlineFeaturesRequest for a feature of the keys 1 and 999.
func onlineRequest(feature string) []byte {
	field := func(n protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), b)
	}
	var values []byte
	for _, id := range []uint64{1, 999} {
		values = append(values, field(1, protowire.AppendVarint(protowire.AppendTag(nil, 4, protowire.VarintType), id))...)
	}
	entity := append(field(1, []byte("id")), field(2, values)...)
	return append(field(2, field(1, []byte(feature))), field(3, entity)...)
}

// TestGRPC asks with an ordinary client, on the port that answers HTTP.
func TestGRPC(t *testing.T) {
	r := twoViews(t, func(c *Config) { c.Tokens = someTokens(t) }).start(t)
	client, err := grpc.NewClient(strings.TrimPrefix(r.url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(t, err)
	defer client.Close()
	for _, c := range []struct {
		method, token, feature string
		want                   codes.Code
	}{
		{"GetOnlineFeatures", readerToken, "a:a0", codes.OK},
		{"GetOnlineFeatures", readerToken, "a:a9", codes.NotFound},
		{"GetOnlineFeatures", readerToken, "b:b0", codes.PermissionDenied},
		{"GetOnlineFeatures", readerToken, "%\n", codes.InvalidArgument},
		{"GetOnlineFeatures", "wrong", "a:a0", codes.Unauthenticated},
		{"GetFeastServingInfo", readerToken, "a:a0", codes.OK},
		{"Nothing", readerToken, "a:a0", codes.Unimplemented},
	} {
		ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+c.token), 5*time.Second)
		got, err := invoke(ctx, client, "/feast.serving.ServingService/"+c.method, onlineRequest(c.feature))
		cancel()
		if status.Code(err) != c.want {
			t.Errorf("%s %q: %v, want %v", c.method, c.feature, err, c.want)
		}
		if c.method != "GetOnlineFeatures" || err != nil {
			continue
		}
		ctx = access.With(context.Background(), &access.Grant{Read: []string{"*"}})
		want, err := r.server.feast.GetOnlineFeatures(ctx, onlineRequest(c.feature), nil)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v\ngot  %x\nwant %x", c.feature, err, got, want)
		}
	}
	_, text := call(t, http.DefaultClient, "GET", r.url+"/metrics", "", "Authorization", "Bearer "+readerToken)
	for _, want := range []string{`status="2xx"} 2`, `status="4xx"} 4`, `status="5xx"} 0`} {
		if !strings.Contains(text, `quern_requests_total{endpoint="feast_grpc",`+want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	health, err := grpc_health_v1.NewHealthClient(client).Check(context.Background(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil || health.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health: %v %v", health, err)
	}
}

// invoke calls a method of grpc-go's client with the bytes of a message, and returns those of
// the reply: a message without fields keeps the bytes that it reads, and writes them.
func invoke(ctx context.Context, conn *grpc.ClientConn, path string, message []byte) ([]byte, error) {
	var in, reply emptypb.Empty
	in.ProtoReflect().SetUnknown(message)
	err := conn.Invoke(ctx, path, &in, &reply)
	return reply.ProtoReflect().GetUnknown(), err
}
