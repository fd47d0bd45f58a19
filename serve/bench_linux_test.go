package serve

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"quern/features/column"
	"quern/serve/live/livetest"
	"quern/serve/lookup"
)

// benchView has 50 features of float32.
func benchView() lookup.View {
	v := lookup.View{Name: "v", Version: "1", TTL: 7 * 24 * time.Hour, Keys: []column.Field{{Name: "id", Type: column.Int64}}}
	for i := range 50 {
		v.Fields = append(v.Fields, lookup.Field{Name: fmt.Sprintf("f%d", i), Type: column.Float32})
	}
	return v
}

// TestBenchServer is the server of the benchmark, in a process of its own. It prints its
// address, then for each line it reads the CPU time that it took so far.
func TestBenchServer(t *testing.T) {
	if os.Getenv("QUERN_BENCH_SERVER") == "" {
		t.Skip("only for BenchmarkServer")
	}
	s := livetest.NewShelf(t)
	v := benchView()
	s.Serve(s.Add(v, livetest.RandomRows(&v, 200_000, 1), 1))
	r := newRig(t, s, func(c *Config) {
		c.Tokens = tokensOf(t, `{"tokens":[{"token":"`+readerToken+`","read":["v"]}]}`)
	}).start(t)
	_, err := r.generations.Reload(context.Background())
	check(t, err)
	fmt.Println(r.url)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var u syscall.Rusage
		check(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
		fmt.Println(u.Utime.Nano() + u.Stime.Nano())
	}
}

// BenchmarkServer asks a server of another process over loopback, with tokens, times to
// live and metrics on: 100 and 10 and 1 keys by 50 float32, Feast's JSON and quern's.
func BenchmarkServer(b *testing.B) {
	c := exec.Command(os.Args[0], "-test.run=^TestBenchServer$")
	c.Env = append(os.Environ(), "QUERN_BENCH_SERVER=1")
	in, err := c.StdinPipe()
	check(b, err)
	out, err := c.StdoutPipe()
	check(b, err)
	check(b, c.Start())
	defer func() { in.Close(); c.Wait() }()
	lines := bufio.NewScanner(out)
	lines.Scan()
	url := lines.Text()
	cpu := func() (n int64) {
		fmt.Fprintln(in)
		lines.Scan()
		fmt.Sscan(lines.Text(), &n)
		return n
	}
	for _, path := range []string{"/get-online-features", "/v1/lookup"} {
		for _, shape := range []struct{ rows, clients int }{{100, 1}, {100, 8}, {10, 1}, {1, 1}} {
			b.Run(fmt.Sprintf("%s/%dx50/clients=%d", path[1:], shape.rows, shape.clients), func(b *testing.B) {
				took := make([]time.Duration, b.N)
				var wg sync.WaitGroup
				before := cpu()
				b.ResetTimer()
				for k := range shape.clients {
					wg.Go(func() {
						client := &http.Client{Transport: &http.Transport{}}
						defer client.CloseIdleConnections()
						rnd := rand.New(rand.NewPCG(1, uint64(k)))
						for i := k; i < b.N; i += shape.clients {
							took[i] = askOnce(b, client, url+path, shape.rows, rnd)
						}
					})
				}
				wg.Wait()
				b.StopTimer()
				b.ReportMetric(float64(cpu()-before)/float64(b.N)/1e3, "server-µs/op")
				slices.Sort(took)
				b.ReportMetric(float64(took[b.N/2].Microseconds()), "p50-µs")
				b.ReportMetric(float64(took[b.N*99/100].Microseconds()), "p99-µs")
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
			})
		}
	}
}

func askOnce(b *testing.B, client *http.Client, url string, rows int, rnd *rand.Rand) time.Duration {
	var body bytes.Buffer
	if feast := strings.Contains(url, "get-online"); feast {
		body.WriteString(`{"feature_service":"all","entities":{"id":[`)
		for i := range rows {
			fmt.Fprintf(&body, "%s%d", ","[:min(i, 1)], rnd.IntN(200_000))
		}
		body.WriteString(`]}}`)
	} else {
		body.WriteString(`{"service":"all","rows":[`)
		for i := range rows {
			fmt.Fprintf(&body, `%s{"id":%d}`, ","[:min(i, 1)], rnd.IntN(200_000))
		}
		body.WriteString(`]}`)
	}
	r, err := http.NewRequest("POST", url, &body)
	check(b, err)
	r.Header.Set("Authorization", "Bearer "+readerToken)
	start := time.Now()
	reply, err := client.Do(r)
	check(b, err)
	io.Copy(io.Discard, reply.Body)
	took := time.Since(start)
	reply.Body.Close()
	if reply.StatusCode != 200 {
		b.Fatal(reply.Status)
	}
	return took
}
