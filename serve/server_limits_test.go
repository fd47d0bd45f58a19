package serve

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"quern/serve/access"
)

// TestLimitsHold: features, rows and the product of them are bounded in every call that has
// them, as the server says, and so is a body.
func TestLimitsHold(t *testing.T) {
	g := newGateway(t)
	client := g.client(&caller{}, 2)
	defer client.CloseIdleConnections()
	tried := map[string]bool{}
	for _, c := range tooMuch() {
		to := g.server.router.find(c.path)
		tried[to.path] = true
		want := 413
		if to.grpc {
			want = grpcExhausted
		}
		got, text, err := g.ask(t, client, to, sample{path: c.path, body: c.body}, []string{"Authorization", "Bearer token-of-everything-01234"})
		if err != nil || got != want {
			t.Errorf("%s, %s: %d %.300s %v, want %d", c.path, c.what, got, text, err, want)
		}
	}
	for _, to := range g.server.routes() {
		if (to.needs == access.Read || to.needs == access.Write || to.needs == access.Transform) && !to.light && !tried[to.path] && to.path != "/v1/models" {
			t.Errorf("%s: nobody tried to ask it for too much: say how in tooMuch()", to.path)
		}
	}
}

// large is a request that is too large.
type large struct {
	path, what string
	body       []byte
}

// tooMuch has requests that are over the limits of newGateway.
func tooMuch() (all []large) {
	many := func(n int, one, between string) string { return strings.Repeat(one+between, n-1) + one }
	add := func(path, what, body string) { all = append(all, large{path, what, []byte(body)}) }
	const rows = maxRows + 1
	ids, objects := many(rows, "1", ","), many(rows, `{"id":1}`, ",")
	names := many(maxFeatures+1, `"a:a0"`, ",")
	add("/get-online-features", "rows", `{"features":["a:a0"],"entities":{"id":[`+ids+`]}}`)
	add("/get-online-features", "features", `{"features":[`+names+`],"entities":{"id":[1]}}`)
	add("/get-online-features", "cells", `{"features":["a:a0","a:a1"],"entities":{"id":[`+many(maxCells/2+1, "1", ",")+`]}}`)
	add("/v1/lookup", "rows", `{"features":["a:a0"],"rows":[`+objects+`]}`)
	add("/v1/lookup", "features", `{"features":[`+names+`],"rows":[{"id":1}]}`)
	add("/v1/lookup", "cells", `{"view":"a","rows":[`+many(maxCells/2+1, `{"id":1}`, ",")+`]}`)
	column := func(name, one string) string { return `"` + name + `":[` + many(rows, one, ",") + `]` }
	frame := `"df":{` + column("id", "1") + `,` + column("a0", "1") + `,` + column("a1", "1") + `,` + column("event_timestamp", `"2026-01-01T00:00:00Z"`) + `}}`
	add("/write-to-online-store", "rows", `{"feature_view_name":"a",`+frame)
	add("/push", "rows", `{"push_source_name":"stream",`+frame)
	add("/v1/push/a", "rows", `{"rows":[`+many(rows, `{"id":1,"a0":1,"a1":1,"event_timestamp":"2026-01-01T00:00:00Z"}`, ",")+`]}`)
	add("/v1/transform/m", "rows", `{"rows":[`+many(rows, `{"distance":1,"late":true}`, ",")+`]}`)
	for _, path := range []string{"/feast.serving.ServingService/GetOnlineFeatures", "/GrpcFeatureServer/GetOnlineFeatures"} {
		all = append(all, large{path, "rows", feastRequest(1, rows)}, large{path, "features", feastRequest(maxFeatures+1, 1)}, large{path, "cells", feastRequest(2, maxCells/2+1)})
	}
	all = append(all, large{"/quern.v1.Features/Lookup", "rows", packedMany(1, rows)}, large{"/quern.v1.Features/Lookup", "features", packedMany(maxFeatures+1, 1)},
		large{"/quern.v1.Features/Lookup", "cells", packedMany(2, maxCells/2+1)})
	for _, c := range []string{"/get-online-features", "/write-to-online-store", "/push", "/v1/lookup", "/v1/push/a", "/v1/transform/m",
		"/feast.serving.ServingService/GetOnlineFeatures", "/GrpcFeatureServer/GetOnlineFeatures", "/GrpcFeatureServer/Push", "/GrpcFeatureServer/WriteToOnlineStore", "/quern.v1.Features/Lookup"} {
		add(c, "bytes", strings.Repeat(" ", maxBody+1))
	}
	return all
}

// The limits of newGateway.
const (
	maxRows, maxFeatures, maxCells = 100, 10, 150
	maxBody                        = 16 << 10
)

// feastRequest is a GetOnlineFeaturesRequest for n features of some keys.
func feastRequest(features, rows int) []byte {
	var list, values []byte
	for i := range features {
		list = append(list, bytesField(1, fmt.Appendf(nil, "a:a%d", i))...)
	}
	for range rows {
		values = append(values, bytesField(1, protowire.AppendVarint(protowire.AppendTag(nil, 4, protowire.VarintType), 1))...)
	}
	return append(bytesField(2, list), bytesField(3, append(bytesField(1, []byte("id")), bytesField(2, values)...))...)
}

// packedMany is a LookupRequest of quern.v1 for n features of some keys.
func packedMany(features, rows int) (message []byte) {
	for i := range features {
		message = append(message, bytesField(1, fmt.Appendf(nil, "a:a%d", i))...)
	}
	return append(message, bytesField(5, append(bytesField(1, []byte("id")), bytesField(2, make([]byte, 8*rows))...))...)
}
