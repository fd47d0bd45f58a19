package serve

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"quern/serve/live/livetest"
)

// BenchmarkPush pushes a row, from as many clients at once as the name says.
func BenchmarkPush(b *testing.B) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			s := livetest.NewStore(b, livetest.Recipe)
			s.PublishRows(10, 1)
			r := newPushRig(b, s, b.TempDir(), nil)
			var n atomic.Int64
			b.SetParallelism(clients)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					body := fmt.Sprintf(`{"rows":[{"id":%d,"n":9,"half":4.5,"at":%q}]}`, n.Add(1)%1000, livetest.Instant(9))
					if code, text := direct(r.server, "POST", "/v1/push/p", body); code != http.StatusOK {
						b.Errorf("%d %s", code, text)
						return
					}
				}
			})
		})
	}
}
