package serve

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"quern/serve/lookup"
)

// BenchmarkLayers looks 100 keys up: in segments alone, under an overlay with a tenth of the
// keys, and where a tenth is carried from another version.
func BenchmarkLayers(b *testing.B) {
	const rows = 50_000
	s := newPushStore(b, pushRecipe)
	s.publish(rows, 1)
	r := newPushRig(b, s, b.TempDir(), nil)
	measure := func(name string) {
		b.Run(name, func(b *testing.B) {
			c := r.generations.Pin()
			defer c.Release()
			q, err := lookup.Compile(c, []lookup.Ref{{View: "p", Feature: "n"}, {View: "p", Feature: "half"}}, false)
			check(b, err)
			var keys lookup.Keys
			var block lookup.Block
			for i := range b.N {
				keys.Reset(q)
				for k := range 100 {
					keys.Columns[0].AddInt(int64((i*100 + k*499) % rows))
				}
				keys.Rows = 100
				check(b, c.Lookup(context.Background(), q, &keys, &block))
			}
		})
	}
	measure("segments")
	var body strings.Builder
	for id := 0; id < rows; id += 10 {
		fmt.Fprintf(&body, `,{"id":%d,"n":9,"half":4.5,"at":%q}`, id, instant(9))
	}
	code, text := direct(r.server, "POST", "/v1/push/p", `{"rows":[`+body.String()[1:]+`]}`)
	if code != http.StatusOK {
		b.Fatal(code, text)
	}
	measure("overlay")
	r.compact(b)
	s.publish(rows, 1)
	r.reload(b)
	measure("carried")
}

// BenchmarkPush pushes a row, from as many clients at once as the name says.
func BenchmarkPush(b *testing.B) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			s := newPushStore(b, pushRecipe)
			s.publish(10, 1)
			r := newPushRig(b, s, b.TempDir(), nil)
			var n atomic.Int64
			b.SetParallelism(clients)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					body := fmt.Sprintf(`{"rows":[{"id":%d,"n":9,"half":4.5,"at":%q}]}`, n.Add(1)%1000, instant(9))
					if code, text := direct(r.server, "POST", "/v1/push/p", body); code != http.StatusOK {
						b.Errorf("%d %s", code, text)
						return
					}
				}
			})
		})
	}
}
