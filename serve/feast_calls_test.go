package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"quern/serve/lookup"
	"quern/serve/registry"
)

// texts is a message whose fields 1, 2 and so on are texts.
func texts(words ...string) (m []byte) {
	for i, w := range words {
		m = protowire.AppendString(protowire.AppendTag(m, protowire.Number(i+1), protowire.BytesType), w)
	}
	return m
}

// TestRegistryShowsWhatATokenMaySee asks for what is served with the tokens of a reader of
// the view a, of the reader of one of its features, and of a reader of b.
func TestRegistryShowsWhatATokenMaySee(t *testing.T) {
	r := twoViews(t, func(c *Config) { c.Tokens = someTokens(t) }).start(t)
	conn := r.dial(t)
	ask := func(token, method string, words ...string) (string, error) {
		reply, err := invoke(bearing(token), conn, registry.Path+method, texts(words...))
		return string(reply), err
	}
	for _, c := range []struct{ token, shown, hidden string }{
		{readerToken, "a0 a1", "b0 b1"},
		{oneToken, "a0", "a1 b0 b1"},
		{otherToken, "b0 b1", "a0 a1"},
	} {
		for _, method := range []string{"ListFeatureViews", "ListAllFeatureViews"} {
			reply, err := ask(c.token, method, "project")
			check(t, err)
			for _, f := range strings.Fields(c.shown) {
				if !strings.Contains(reply, f) {
					t.Errorf("%s with %s does not show %s", method, c.token, f)
				}
			}
			for _, f := range strings.Fields(c.hidden) {
				if strings.Contains(reply, f) {
					t.Errorf("%s with %s shows %s", method, c.token, f)
				}
			}
		}
		if reply, err := ask(c.token, "ListFeatureServices", "project"); err != nil || reply != "" {
			t.Errorf("%s sees a service of which it may not read all: %q %v", c.token, reply, err)
		}
	}
	// What one may not see is not there, and Feast's SDK raises the exception that it names.
	_, err := ask(readerToken, "GetFeatureView", "b", "project")
	var raised struct{ Module, Class, Message string }
	if json.Unmarshal([]byte(status.Convert(err).Message()), &raised) != nil || status.Code(err) != codes.NotFound ||
		raised.Module != "feast.errors" || raised.Class != "FeatureViewNotFoundException" || !strings.Contains(raised.Message, "b") {
		t.Errorf("%v", err)
	}
	if _, err := ask("wrong", "ListFeatureViews"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("an unknown token: %v", err)
	}
	if _, err := ask(readerToken, "ApplyFeatureView"); status.Code(err) != codes.Unimplemented {
		t.Errorf("a call that changes a registry: %v", err)
	}
}

// TestRegistryFollowsGenerations: a registry tells of what is served now.
func TestRegistryFollowsGenerations(t *testing.T) {
	r := twoViews(t, nil).start(t)
	conn := r.dial(t)
	ask := func() string {
		reply, err := invoke(t.Context(), conn, registry.Path+"ListFeatureViews", nil)
		check(t, err)
		return string(reply)
	}
	if before := ask(); !strings.Contains(before, "b0") || !strings.Contains(before, "\x12\x011") {
		t.Errorf("%q", before)
	}
	r.Serve(r.Shelf.AddConstant("a", 2, 10))
	_, err := r.generations.Reload(t.Context())
	check(t, err)
	if after := ask(); strings.Contains(after, "b0") || !strings.Contains(after, "a0") || !strings.Contains(after, "\x12\x012") {
		t.Errorf("%q", after)
	}
}

// TestListenPushes: a row that is pushed over gRPC goes where HTTP's pushes go.
func TestListenPushes(t *testing.T) {
	w := &kept{}
	r := twoViews(t, func(c *Config) { c.Tokens, c.Writer = someTokens(t), w }).start(t)
	conn := r.dial(t)
	entry := func(key, value string) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), texts(key, value))
	}
	row := append(append(append(entry("id", "7"), entry("a0", "8")...), entry("a1", "9")...), entry("event_timestamp", "2026-11-22T11:00:00Z")...)
	row = protowire.AppendString(protowire.AppendTag(row, 2, protowire.BytesType), "a")
	for _, c := range []struct {
		token, method string
		want          codes.Code
	}{
		{readerToken, "WriteToOnlineStore", codes.OK},
		{readerToken, "Push", codes.OK}, // to the source that is called like the view
		{otherToken, "WriteToOnlineStore", codes.PermissionDenied},
	} {
		reply, err := invoke(bearing(c.token), conn, "/GrpcFeatureServer/"+c.method, row)
		if status.Code(err) != c.want || err == nil && string(reply) != "\x08\x01" {
			t.Errorf("%s: %v %q", c.method, err, reply)
		}
	}
	if got := strings.Join(w.rows, " "); got != "a:7,8,9 a:7,8,9" {
		t.Errorf("written were %s", got)
	}
}

// kept is a Writer that notes what is written.
type kept struct{ rows []string }

func (k *kept) Write(_ context.Context, r *lookup.Rows) error {
	for i := range r.Rows {
		k.rows = append(k.rows, fmt.Sprintf("%s:%d,%d,%d", r.View.Name, r.Keys[0].Int(i), r.Fields[0].Int(i), r.Fields[1].Int(i)))
	}
	return nil
}
