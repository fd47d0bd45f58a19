package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quern/features/diag"
	"quern/serve/client"
	"quern/serve/fieldstatus"
	"quern/serve/lookup"
)

// code returns the code of an error.
func code(err error) string {
	var known *diag.Error
	var refused *client.Error
	switch {
	case errors.As(err, &known):
		return string(known.Code)
	case errors.As(err, &refused):
		return refused.Code
	}
	return ""
}

// driver has every type.
type driver struct {
	ID      int64      `quern:"driver_id"`
	Rate    float32    `quern:"rate"`
	Trips   *int       `quern:"trips"`
	City    *string    `quern:"city"`
	Joined  *time.Time `quern:"joined"`
	Seen    *time.Time `quern:"seen"`
	Active  *bool      `quern:"active"`
	Recent  *[]float64 `quern:"recent"`
	Tags    *[]string  `quern:"tags"`
	Ignored chan int
}

// TestLookup takes every type through a real server.
func TestLookup(t *testing.T) {
	c := started(t, nil)
	keys := []client.Column{client.Of("driver_id", []int64{1000, 1001, 1002, 5})}
	table, err := c.Lookup(t.Context(), &client.Request{View: "drivers", Keys: keys})
	check(t, err)
	if table.Rows != 4 || len(table.Columns) != 8 || table.Views[0].Version != "v1" {
		t.Fatalf("got %d rows of %d columns, %v", table.Rows, len(table.Columns), table.Views)
	}
	for i, want := range []fieldstatus.Status{fieldstatus.Present, fieldstatus.NullValue, fieldstatus.OutsideMaxAge, fieldstatus.NotFound} {
		for k := range table.Columns {
			if got := table.Columns[k].Status(i); got != want || table.Columns[k].Null(i) != (want != fieldstatus.Present) {
				t.Errorf("row %d of %s: status %v, want %v", i, table.Columns[k].Name, got, want)
			}
		}
	}
	all, err := client.Into[driver](table)
	check(t, err)
	d := all[0]
	if d.ID != 1000 || d.Rate != 0.1 || *d.Trips != 7 || *d.City != "Zürich \"1\"" || !*d.Active || d.Joined.Format(time.DateOnly) != "2020-02-29" ||
		d.Seen.UnixMicro() != 1_700_000_000_123_456 || len(*d.Recent) != 2 || (*d.Recent)[0] != math.Pi || !math.IsInf((*d.Recent)[1], 1) || len(*d.Tags) != 0 {
		t.Errorf("read %+v", d)
	}
	for _, d := range all[1:] {
		if d.Trips != nil || d.City != nil || d.Joined != nil || d.Recent != nil || !math.IsNaN(float64(d.Rate)) {
			t.Errorf("read %+v where nothing is", d)
		}
	}
	if at, ok := table.Views[0].Event(0); !ok || !at.Equal(now().Add(-time.Hour)) {
		t.Errorf("event time %v", at)
	}
	if _, ok := table.Views[0].Event(3); ok {
		t.Error("a driver that is not there has an event time")
	}
}

// TestLookupWays asks for a service, for features, and with full names.
func TestLookupWays(t *testing.T) {
	c := started(t, nil)
	keys := []client.Column{client.Of("driver_id", []int64{1000})}
	for name, r := range map[string]*client.Request{
		"service": {Service: "pricing", Keys: keys}, "features": {Features: []string{"drivers:rate", "drivers@v1:city"}, Keys: keys},
		"narrow key": {Service: "pricing", Keys: []client.Column{client.Of("driver_id", []int32{1000})}},
	} {
		table, err := c.Lookup(t.Context(), r)
		check(t, err)
		if rates, err := client.Values[float64](table.Column("rate")); err != nil || rates[0] != float64(float32(0.1)) {
			t.Errorf("%s: %v, %v", name, rates, err)
		}
		if got := fmt.Sprint(table.Row(0)); got != `map[city:Zürich "1" rate:0.1]` {
			t.Errorf("%s: %s", name, got)
		}
	}
	full, err := c.Lookup(t.Context(), &client.Request{Service: "pricing", Full: true, Keys: keys})
	check(t, err)
	if full.Column("drivers__rate") == nil || full.Column("rate") != nil {
		t.Errorf("full names are %s", full.Columns[0].Name)
	}
	check(t, c.Health(t.Context()))
}

// TestErrors: refusals carry the server's code and words, and mistakes of the caller never
// reach it.
func TestErrors(t *testing.T) {
	c := started(t, nil)
	id := []client.Column{client.Of("driver_id", []int64{1})}
	for want, r := range map[string]*client.Request{
		"Q601": {View: "none", Keys: id}, "Q602": {Features: []string{"drivers:none"}, Keys: id}, "Q603": {Service: "none", Keys: id},
		"Q604": {Features: []string{"x"}, Keys: id}, "Q606": {View: "drivers", Keys: []client.Column{client.Of("x", []int64{1})}},
		"Q607": {View: "drivers", Keys: []client.Column{client.Of("driver_id", []string{"x"})}},
		"Q615": {Keys: id},
	} {
		_, err := c.Lookup(t.Context(), r)
		var refused *client.Error
		if !errors.As(err, &refused) || refused.Code != want || refused.Status/100 != 4 || refused.Message == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s, got %v", want, err)
		}
	}
	for name, r := range map[string]*client.Request{
		"no keys": {View: "drivers"}, "no rows": {View: "drivers", Keys: []client.Column{client.Of("driver_id", []int64{})}},
		"ragged":   {View: "drivers", Keys: []client.Column{client.Of("a", []int64{1}), client.Of("b", []int64{1, 2})}},
		"twice":    {View: "drivers", Keys: []client.Column{client.Of("a", []int64{1}), client.Of("a", []int64{1})}},
		"no value": {View: "drivers", Keys: []client.Column{{Name: "driver_id"}}},
	} {
		if _, err := c.Lookup(t.Context(), r); code(err) != "Q695" {
			t.Errorf("%s: %v", name, err)
		}
	}
	table, err := c.Lookup(t.Context(), &client.Request{View: "drivers", Keys: []client.Column{client.Of("driver_id", []int64{5})}})
	check(t, err)
	if _, err := client.Into[struct {
		City string `quern:"city"`
	}](table); code(err) != "Q695" || !strings.Contains(err.Error(), "NOT_FOUND") {
		t.Errorf("a null became a string: %v", err)
	}
	if _, err := client.Values[int64](table.Column("rate")); code(err) != "Q695" {
		t.Errorf("floats became integers: %v", err)
	}
	if _, err := client.Values[int64](table.Column("none")); code(err) != "Q695" {
		t.Errorf("a column that is not there: %v", err)
	}
}

// TestPush sends structs, and reads them as the server has them.
func TestPush(t *testing.T) {
	w := &taken{look: func(got *lookup.Rows) {
		f := got.Fields
		if got.Rows != 2 || got.Keys[0].Int64s[1] != 2 || got.Event[1]-got.Event[0] != 1 || f[0].Float32s[1] != 0.1 || f[0].Float32s[0] == f[0].Float32s[0] ||
			f[1].Int32s[0] != 7 || !f[1].Null(1) || string(f[2].Text.At(0)) != "ü" || !f[2].Null(1) || !f[3].Null(0) || f[6].Offsets[1] != 2 {
			t.Errorf("the server got %+v", got)
		}
	}}
	c := started(t, w)
	seven, text, nan := 7, "ü", math.NaN()
	type pushed struct {
		ID     int64      `quern:"driver_id"`
		At     time.Time  `quern:"event_timestamp"`
		Rate   float32    `quern:"rate"`
		Trips  *int       `quern:"trips"`
		City   *string    `quern:"city"`
		Joined *string    `quern:"joined"`
		Seen   *time.Time `quern:"seen"`
		Active *bool      `quern:"active"`
		Recent []float64  `quern:"recent"`
		Tags   []string   `quern:"tags"`
	}
	columns, err := client.From([]pushed{{ID: 1, At: now(), Rate: float32(nan), Trips: &seven, City: &text, Recent: []float64{1, nan}, Tags: []string{}},
		{ID: 2, At: now().Add(time.Microsecond), Rate: 0.1}})
	check(t, err)
	done, err := c.Push(t.Context(), "drivers", columns...)
	check(t, err)
	if *done != (client.Pushed{View: "drivers", Version: "v1", Rows: 2}) {
		t.Errorf("the server says %+v", done)
	}
	if _, err := c.Push(t.Context(), "drivers", columns[:3]...); code(err) != "Q611" {
		t.Errorf("columns are missing: %v", err)
	}
	if _, err := c.Push(t.Context(), "drivers"); code(err) != "Q695" {
		t.Errorf("no rows: %v", err)
	}
}

// TestRaw: raw rows go to the calls that compute features.
func TestRaw(t *testing.T) {
	var path, body string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		check(t, err)
		path, body = r.URL.EscapedPath(), string(text)
		w.Write([]byte(`{"view": "a b", "version": "v1", "rows": 1, "left_out": 1}`))
	}))
	defer s.Close()
	c, err := client.New(s.URL, client.Options{})
	check(t, err)
	at := time.Date(2026, 11, 22, 12, 0, 0, 1000, time.FixedZone("", 3600))
	done, err := c.PushRaw(t.Context(), "a b", client.Of("n", []int64{1, 2}), client.Of("at", []time.Time{at, at}), client.Nullable("x", []*float64{nil, new(float64)}))
	check(t, err)
	const want = `{"raw":true,"rows":[{"n":1,"at":"2026-11-22T11:00:00.000001Z","x":null},{"n":2,"at":"2026-11-22T11:00:00.000001Z","x":0}]}`
	if path != "/v1/push/a%20b" || body != want || done.LeftOut != 1 || done.Rows != 1 {
		t.Errorf("%s got %s, and said %+v", path, body, done)
	}
	if _, err = c.Transform(t.Context(), "m@v1", client.Of("n", []int64{1})); code(err) != "Q694" || path != "/v1/transform/m@v1" {
		t.Errorf("%s: %v", path, err)
	}
}

// TestTimes: a time is sent as the column's type has it.
func TestTimes(t *testing.T) {
	zone := time.FixedZone("", -3600)
	type row struct {
		At    time.Time  `quern:"at"`
		Clock *time.Time `quern:"clock,datetime"`
		Day   time.Time  `quern:"day,date"`
	}
	at := time.Date(1969, 12, 31, 23, 30, 0, 5000, zone) // half past midnight in UTC
	columns, err := client.From([]row{{At: at, Clock: &at, Day: at}, {At: at, Day: at.Add(time.Hour)}})
	check(t, err)
	var body string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		check(t, err)
		body = string(text)
	}))
	defer s.Close()
	c, err := client.New(s.URL, client.Options{})
	check(t, err)
	if _, err := c.Push(t.Context(), "v", columns...); code(err) != "Q694" {
		t.Errorf("a reply that is empty: %v", err)
	}
	const want = `{"raw":false,"rows":[{"at":"1970-01-01T00:30:00.000005Z","clock":"1969-12-31T23:30:00.000005","day":"1969-12-31"},` +
		`{"at":"1970-01-01T00:30:00.000005Z","clock":null,"day":"1970-01-01"}]}`
	if body != want {
		t.Errorf("sent %s", body)
	}
	for _, c := range []client.Column{client.Datetimes("x", []time.Time{at}), client.Dates("x", []time.Time{at})} {
		if got, err := client.Values[time.Time](&c); err != nil || got[0].Format(time.DateOnly) != "1969-12-31" {
			t.Errorf("%s: %v, %v", c.Type(), got, err)
		}
	}
	if _, err := client.From([]struct {
		A int64 `quern:"a,date"`
	}{{1}}); code(err) != "Q695" {
		t.Errorf("a number is a date: %v", err)
	}
}

// TestRetries: what may succeed soon is tried again, as long as there is time; nothing else is.
func TestRetries(t *testing.T) {
	var calls atomic.Int64
	var answer atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answer.Load().(func(http.ResponseWriter, int64))(w, calls.Load())
	}))
	defer s.Close()
	c, err := client.New(s.URL, client.Options{Wait: time.Microsecond})
	check(t, err)
	status := func(code, until int64) func(http.ResponseWriter, int64) {
		return func(w http.ResponseWriter, n int64) {
			if n <= until {
				w.WriteHeader(int(code))
			}
		}
	}
	for name, one := range map[string]struct {
		answer func(http.ResponseWriter, int64)
		calls  int64
		code   string
		fails  bool
	}{
		"busy, then not":     {status(429, 2), 3, "", false},
		"going down":         {status(503, 1), 2, "", false},
		"busy for ever":      {status(429, 99), 4, "", true},
		"the client's fault": {status(422, 99), 1, "", true},
		"the server's fault": {status(500, 99), 1, "", true},
		"too slow":           {status(504, 99), 1, "", true},
		"elsewhere":          {func(w http.ResponseWriter, _ int64) { w.Header().Set("Location", "/x"); w.WriteHeader(307) }, 1, "", true},
		"cut off": {func(w http.ResponseWriter, n int64) {
			if n < 3 {
				panic(http.ErrAbortHandler)
			}
		}, 3, "", false},
	} {
		calls.Store(0)
		answer.Store(one.answer)
		err := c.Health(t.Context())
		if calls.Load() != one.calls || (err != nil) != one.fails {
			t.Errorf("%s: %d calls, %v", name, calls.Load(), err)
		}
	}
	answer.Store(func(w http.ResponseWriter, _ int64) { w.Header().Set("Retry-After", "3600"); w.WriteHeader(503) })
	calls.Store(0)
	var refused *client.Error
	if err := c.Health(t.Context()); !errors.As(err, &refused) || refused.RetryAfter != time.Hour || calls.Load() != 1 {
		t.Errorf("a wait beyond the deadline: %d calls, %v", calls.Load(), err)
	}
}

// TestContext: a call ends with its context, whatever the server does.
func TestContext(t *testing.T) {
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer s.Close()
	defer close(hang)
	c, err := client.New(s.URL, client.Options{Timeout: time.Millisecond})
	check(t, err)
	if err := c.Health(context.Background()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a deadline: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Health(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	asked := make(chan struct{}, 1)
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusServiceUnavailable)
		asked <- struct{}{}
	}))
	defer busy.Close()
	if c, err = client.New(busy.URL, client.Options{Timeout: 10 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	var refused *client.Error
	if err := c.Health(ctx); !errors.Is(err, context.Canceled) || errors.As(err, &refused) && refused.Status != 503 {
		t.Errorf("canceled while it waits: %v", err)
	}
}

// TestReplies that are none are Q694, and no server is Q693.
func TestReplies(t *testing.T) {
	var body atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-quern-tensor")
		w.Write(body.Load().([]byte))
	}))
	c, err := client.New(s.URL, client.Options{MaxReply: 1000, Retries: -1})
	check(t, err)
	ask := func() error {
		_, err := c.Lookup(t.Context(), &client.Request{View: "v", Keys: []client.Column{client.Of("id", []int64{1})}})
		return err
	}
	for _, text := range []string{"", "{}", "QTENSOR\x01", strings.Repeat("QTENSOR\x01", 8), strings.Repeat("x", 1001)} {
		body.Store([]byte(text))
		if err := ask(); code(err) != "Q694" {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	s.Close()
	if err := ask(); code(err) != "Q693" {
		t.Errorf("no server: %v", err)
	}
}

// TestNew refuses addresses that are none, and those that give the token away.
func TestNew(t *testing.T) {
	for _, address := range []string{"", "features:6566", "ftp://x", "http://", "http://u:p@x", "http://features:6566", "http://10.0.0.1"} {
		if _, err := client.New(address, client.Options{Token: token}); code(err) != "Q695" {
			t.Errorf("%q: %v", address, err)
		}
	}
	for _, address := range []string{"http://localhost:1", "http://[::1]:1/prefix/", "https://features"} {
		if _, err := client.New(address, client.Options{Token: token}); err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
}
