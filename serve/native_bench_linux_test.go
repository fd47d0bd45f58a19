package serve

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"quern/features/column"
	"quern/serve/live/livetest"
	"quern/serve/tensor"
)

// nobody is a ResponseWriter that keeps nothing.
type nobody struct{ h http.Header }

func (n nobody) Header() http.Header       { return n.h }
func (nobody) WriteHeader(int)             {}
func (nobody) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkNative is the server's work on requests of quern's own, without net/http: look-ups
// of keys by 50 float32 in every form, and one row to transform.
func BenchmarkNative(b *testing.B) {
	shelf := livetest.NewShelf(b)
	v := benchView()
	shelf.Serve(shelf.Add(v, livetest.RandomRows(&v, 200_000, 1), 1))
	r := newRig(b, shelf, nil)
	_, err := r.generations.Reload(b.Context())
	check(b, err)
	defer r.generations.Close()
	t, _ := trips(b, nil)
	for _, n := range []int{1, 100} {
		ids := column.Column{Len: n, Values: column.Vector{Type: column.Int64, Len: n}}
		text := []byte(`{"view":"v","rows":[`)
		for i := range n {
			id := int64(i*7919) % 200_000
			ids.Values.Int64s = append(ids.Values.Int64s, id)
			text = fmt.Appendf(comma(text, i), `{"id":%d}`, id)
		}
		keys := string(tensor.Append(nil, &tensor.Message{Kind: tensor.Keys, Rows: n, Schema: []byte(`{"columns":["id"],"view":"v"}`), Columns: []tensor.Column{{Values: ids}}}))
		for _, accept := range []string{tensor.ContentType, tensor.ContentType + "; layout=rows", typeArrow, typeJSON} {
			b.Run(fmt.Sprintf("lookup/%dx50/tensor to %s", n, accept), func(b *testing.B) {
				benchPost(b, r.server, "/v1/lookup", keys, tensor.ContentType, accept)
			})
		}
		b.Run(fmt.Sprintf("lookup/%dx50/json to tensor", n), func(b *testing.B) {
			benchPost(b, r.server, "/v1/lookup", string(append(text, "]}"...)), typeJSON, tensor.ContentType)
		})
	}
	b.Run("transform/1", func(b *testing.B) { benchPost(b, t, "/v1/transform/trips", "["+oneTrip+"]", typeJSON, typeJSON) })
}

func benchPost(b *testing.B, s *Server, path, body, contentType, accept string) {
	r := httptest.NewRequest(http.MethodPost, path, nil)
	r.Header["Content-Type"], r.Header["Accept"], r.ContentLength = []string{contentType}, []string{accept}, int64(len(body))
	if w := post(s, path, body, "Content-Type", contentType, "Accept", accept); w.Code != 200 {
		b.Fatal(w.Code, w.Body)
	}
	h := http.Header{}
	b.ReportAllocs()
	before := processTime(b)
	for b.Loop() {
		clear(h)
		r.Body = closing{strings.NewReader(body)}
		s.ServeHTTP(nobody{h}, r)
	}
	b.ReportMetric(float64(processTime(b)-before)/float64(b.N)/1e3, "cpu-µs/op") // what others take of the machine is not in it
}

// processTime returns the CPU time that this process took, in nanoseconds.
func processTime(b *testing.B) int64 {
	var u syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Utime.Nano() + u.Stime.Nano()
}

type closing struct{ *strings.Reader }

func (closing) Close() error { return nil }
