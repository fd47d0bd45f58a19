package feast

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/types/known/emptypb"

	"quern/serve/lookup"
)

// call is how grpc-go calls the service. A message without fields keeps the bytes that it
// reads, and writes them.
func call(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var in, reply emptypb.Empty
	if err := decode(&in); err != nil {
		return nil, err
	}
	s := srv.(*Service)
	out, err := s.GetOnlineFeatures(ctx, in.ProtoReflect().GetUnknown(), nil)
	if err != nil {
		f := s.FaultOf(err)
		return nil, status.Error(codes.Code(f.GRPC), f.Message)
	}
	reply.ProtoReflect().SetUnknown(out)
	return &reply, nil
}

// TestGRPC asks with an ordinary client of grpc-go and protobuf-go.
func TestGRPC(t *testing.T) {
	wire := bufconn.Listen(1 << 16)
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "feast.serving.ServingService", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "GetOnlineFeatures", Handler: call}},
	}, wireService(wireStore(t), lookup.Rules{}))
	go server.Serve(wire)
	defer server.Stop()
	client, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return wire.Dial() }))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	d := describe(t)
	for _, c := range []struct {
		request string
		code    codes.Code
		rows    int
	}{
		{`features: {val: "driver_stats:city"} entities: {key: "driver_id" value: {val: {int64_val: 1001} val: {int64_val: 5}}}`, codes.OK, 2},
		{`feature_service: "nope"`, codes.NotFound, 0},
		{`features: {val: "driver_stats:city"} entities: {key: "driver_id" value: {val: {bool_val: true}}}`, codes.InvalidArgument, 0},
	} {
		request, reply := message(d, "Request"), message(d, "Response")
		if err := prototext.Unmarshal([]byte(c.request), request); err != nil {
			t.Fatal(err)
		}
		err := client.Invoke(context.Background(), "/feast.serving.ServingService/GetOnlineFeatures", request, reply)
		if status.Code(err) != c.code {
			t.Errorf("%s: %v", c.request, err)
		}
		if err == nil && get(get(reply, "results").List().Get(1).Message(), "values").List().Len() != c.rows {
			t.Errorf("%s: %v", c.request, reply)
		}
	}
}
