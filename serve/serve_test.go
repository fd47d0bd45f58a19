package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"quern/serve/feast"
	"quern/serve/live"
	"quern/serve/live/livetest"
	"quern/serve/lookup"
)

// TestAnswersLikeMemory: replies over HTTP are those of the plainest storage, byte by byte.
func TestAnswersLikeMemory(t *testing.T) {
	s, m := livetest.NewShelf(t), lookup.NewMemory()
	var wanted []live.Wanted
	for i, v := range []lookup.View{livetest.Drivers("v1"), livetest.Pairs("v1")} {
		rows := livetest.RandomRows(&v, 500, uint64(i))
		m.Define(&v)
		check(t, m.Write(context.Background(), rows))
		wanted = append(wanted, s.Add(v, rows, 1+2*i))
	}
	d := livetest.Drivers("v1")
	m.DefineService("all", append(livetest.Refs(&d), lookup.Ref{View: "pairs", Feature: "n"}, lookup.Ref{View: "pairs", Feature: "x"})...)
	s.Serve(wanted...)
	for _, rules := range []lookup.Rules{{}, {Compat: lookup.FeastPython}, {Compat: lookup.FeastGo}} {
		t.Run(rules.Compat.String(), func(t *testing.T) {
			r := newRig(t, s, func(c *Config) { c.Rules = rules }).start(t)
			if _, err := r.generations.Reload(context.Background()); err != nil {
				t.Fatal(err)
			}
			want := feast.New(m, nil, feast.Options{Now: livetest.Clock, Rules: rules})
			rnd := rand.New(rand.NewPCG(3, 3))
			for range 60 {
				body := randomRequest(rnd)
				code, text := direct(want, "POST", "/get-online-features", body)
				gotCode, got := call(t, http.DefaultClient, "POST", r.url+"/get-online-features", body)
				if gotCode != code || got != text {
					t.Fatalf("%s\ngot  %d %.300s\nwant %d %.300s", body, gotCode, got, code, text)
				}
			}
		})
	}
}

func randomRequest(rnd *rand.Rand) string {
	n := 1 + rnd.IntN(40)
	ids, cities := make([]int, n), make([]string, n)
	for i := range n {
		ids[i] = rnd.IntN(700) // 200 of them are not there
		cities[i] = fmt.Sprintf("s%d ü\"", ids[i])
	}
	a, _ := json.Marshal(ids)
	b, _ := json.Marshal(cities)
	return fmt.Sprintf(`{%s,"full_feature_names":%v,"entities":{"driver_id":%s,"city":%s}}`,
		[]string{`"feature_service":"all"`, `"features":["drivers:f5","pairs:x","drivers:f9"]`, `"features":["nope:x"]`, `"features":["drivers@v1:f0"]`}[rnd.IntN(4)],
		rnd.IntN(2) == 0, a, b)
}

// TestSwapUnderLoad: while versions of two views change at once, no request fails, no reply
// mixes versions, no client sees time go back, and in the end nobody holds an old segment.
func TestSwapUnderLoad(t *testing.T) {
	s := livetest.NewShelf(t)
	const versions, clients, keys = 25, 4, 20
	var sets [versions][]live.Wanted
	for i := range versions {
		sets[i] = []live.Wanted{s.AddConstant("a", i, 100), s.AddConstant("b", i, 100)}
	}
	s.Serve(sets[0]...)
	r := newRig(t, s, nil).start(t)
	_, err := r.generations.Reload(context.Background())
	check(t, err)
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	stop := make(chan struct{})
	var answered [clients]int
	for c := range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for last := int64(0); ; answered[c]++ {
				select {
				case <-stop:
					return
				default:
				}
				if last = oneVersion(t, client, r.url, c, last, keys); last < 0 {
					return
				}
			}
		}()
	}
	for _, set := range sets[1:] {
		time.Sleep(10 * time.Millisecond)
		s.Serve(set...)
		if _, err := r.generations.Reload(context.Background()); err != nil {
			t.Error(err)
		}
	}
	time.Sleep(20 * time.Millisecond)
	close(stop)
	wg.Wait()
	check(t, r.generations.Settle(t.Context()))
	if n := s.Held(); n != 4 {
		t.Errorf("%d segments are held, not the 4 of the last versions", n)
	}
	if code, text := call(t, http.DefaultClient, "GET", r.url+"/metrics", ""); code != 200 || !strings.Contains(text, "quern_generation 25\n") {
		t.Errorf("metrics: %d %s", code, text)
	}
	http.DefaultClient.CloseIdleConnections()
	for i := 0; runtime.NumGoroutine() > before && i < 100; i++ {
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before the load", n, before)
	}
	for c, n := range answered {
		if n < 10 {
			t.Errorf("client %d had %d answers only", c, n)
		}
	}
}

// oneVersion asks for both views and returns which version answered, or -1 after an error.
func oneVersion(t *testing.T, client *http.Client, url string, c int, last int64, keys int) int64 {
	ids := strings.Repeat("5,", keys-1) + "6"
	body := `{"features":["a:a0","b:b0","b:b1","a:a1"],"entities":{"id":[` + ids + `]}}`
	path := "/get-online-features"
	if c%2 == 1 {
		path, body = "/v1/lookup", `{"features":["a:a0","b:b0","b:b1","a:a1"],"rows":[{"id":5},{"id":6}]}`
	}
	code, text := call(t, client, "POST", url+path, body)
	var reply struct {
		Results []struct{ Values []int64 }
		Rows    []struct{ Features map[string]int64 }
	}
	if err := json.Unmarshal([]byte(text), &reply); code != 200 || err != nil {
		t.Errorf("%d %s: %v", code, text, err)
		return -1
	}
	seen := map[int64]bool{}
	for i, column := range reply.Results {
		for _, v := range column.Values {
			if i > 0 { // the first are the keys
				seen[v] = true
			}
		}
	}
	for _, r := range reply.Rows {
		for _, v := range r.Features {
			seen[v] = true
		}
	}
	for v := range seen {
		if len(seen) == 1 && v >= last {
			return v
		}
	}
	t.Errorf("versions %v in one reply, after %d: %s", seen, last, text)
	return -1
}

// TestStaged: a staged version is there for those who name it, then for all.
func TestStaged(t *testing.T) {
	s := livetest.NewShelf(t)
	one, two := s.AddConstant("a", 1, 5), s.AddConstant("a", 2, 5)
	r := newRig(t, s, nil).start(t)
	for _, c := range []struct {
		wanted []live.Wanted
		ref    string
		want   string
	}{
		{[]live.Wanted{one, {Name: two.Name, Staged: true}}, "a:a0", `{"features":{"a0":1}}`},
		{[]live.Wanted{one, {Name: two.Name, Staged: true}}, "a@2:a0", `{"features":{"a0":2}}`},
		{[]live.Wanted{two}, "a:a0", `{"features":{"a0":2}}`},
		{[]live.Wanted{two}, "a@1:a0", `a@1`},
		{nil, "a:a0", `FeatureViewNotFound`},
	} {
		s.Serve(c.wanted...)
		_, err := r.generations.Reload(context.Background())
		check(t, err)
		_, text := call(t, http.DefaultClient, "POST", r.url+"/v1/lookup", `{"features":["`+c.ref+`"],"rows":[{"id":1}]}`)
		if !strings.Contains(text, c.want) {
			t.Errorf("%v %s: %s", c.wanted, c.ref, text)
		}
	}
	if code, _ := call(t, http.DefaultClient, "GET", r.url+"/health", ""); code != 503 {
		t.Errorf("healthy without views: %d", code)
	}
}

// TestLookupAllocatesNothing in the steady state.
func TestLookupAllocatesNothing(t *testing.T) {
	s := livetest.NewShelf(t)
	v := livetest.Drivers("v1")
	s.Serve(s.Add(v, livetest.RandomRows(&v, 1000, 1), 2))
	r := newRig(t, s, nil)
	_, err := r.generations.Reload(context.Background())
	check(t, err)
	defer r.generations.Close()
	n := livetest.LookupAllocs(t, &v, catalogs{r.server}.Pin)
	if n > 0 && !raceEnabled {
		t.Errorf("%v allocations per look-up", n)
	}
}
