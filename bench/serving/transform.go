//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"quern/features/column"
	"quern/features/program"
	"quern/pipeline/sink"
	"quern/pipeline/sink/parquet"
	"quern/serve/client"
)

// flight is a raw row of the example's recipe.
type flight struct {
	Date        string    `json:"date"`
	Distance    int64     `json:"distance" quern:"distance"`
	Origin      string    `json:"origin" quern:"origin"`
	Destination string    `json:"destination" quern:"destination"`
	At          time.Time `json:"-" quern:"date,datetime"`
}

// airports are some of the example's, and one that it never saw.
func airports() []string {
	return []string{"ATL", "BOS", "DEN", "DFW", "DTW", "IAD", "JFK", "LAX", "LGA", "MIA", "MSP", "ORD", "PHX", "SEA", "SFO", "XXX"}
}

// flights are rows of different keys.
func flights() (rows []flight) {
	for i, origin := range airports() {
		for k, destination := range airports() {
			x := mix(uint64(i*100 + k))
			at := time.Date(2001, 1, 1, 0, int(x%(365*24*60)), 0, 0, time.UTC)
			rows = append(rows, flight{At: at, Date: at.Format("2006-01-02T15:04:05"), Distance: int64(100 + x>>32%2600), Origin: origin, Destination: destination})
		}
	}
	return rows
}

// writeFlights writes rows as a source of the recipe.
func writeFlights(path string, rows []flight) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	types := []column.Field{{Name: "date", Type: column.Datetime}, {Name: "delay", Type: column.Int64}, {Name: "distance", Type: column.Int64},
		{Name: "origin", Type: column.String}, {Name: "destination", Type: column.String}}
	var fields []sink.Field
	b := column.Batch{Rows: len(rows)}
	for _, t := range types {
		fields = append(fields, sink.Field{Field: t, Role: program.RoleKeep})
		b.Columns = append(b.Columns, column.Column{Len: len(rows), Values: column.Vector{Type: t.Type, Len: len(rows)}})
	}
	for _, r := range rows {
		for i, n := range []int64{r.At.UnixMicro(), 0, r.Distance} {
			b.Columns[i].Values.Int64s = append(b.Columns[i].Values.Int64s, n)
		}
		b.Columns[3].Values.Text.Append([]byte(r.Origin))
		b.Columns[4].Values.Text.Append([]byte(r.Destination))
	}
	part, err := parquet.Format{Codec: "none"}.NewPart(f, fields)
	if err != nil {
		return err
	}
	if err := part.Write(b); err != nil {
		return err
	}
	if err := part.Close(); err != nil {
		return err
	}
	return f.Close()
}

// transform measures computing the features of one raw row. First every row goes both ways:
// through a file that is published and looked up, and as a request; the features must be
// the same, byte for byte.
func (q *quern) transform(ctx context.Context, server *target, example string, rounds int, d time.Duration) (*measured, error) {
	rows := flights()
	if err := writeFlights(filepath.Join(q.folder, "flights.parquet"), rows); err != nil {
		return nil, err
	}
	for _, args := range [][]string{{"fit", filepath.Join(example, "recipe.yaml"), "--output", "flights.quern"},
		{"publish", "flights.quern", "flights.parquet", "--store", "store", "--view", "flights"}} {
		if _, _, err := q.run(ctx, args...); err != nil {
			return nil, err
		}
	}
	to := server.over(&protocol{name: rawRows, path: "/v1/transform/flights", kind: "application/json"})
	c, err := to.dial()
	if err != nil {
		return nil, err
	}
	defer c.close()
	p := &pool{}
	for i := range rows {
		text, err := json.Marshal(map[string]any{"rows": rows[i : i+1]})
		if err != nil {
			return nil, err
		}
		p.ids, p.questions = append(p.ids, nil), append(p.questions, post(to.address, to.by.path, to.token, to.by.kind, text))
		if err := to.awaited(ctx, c, p.questions[i], i == 0); err != nil {
			return nil, err
		}
		if err := to.sameBothWays(c, &rows[i], p.questions[i]); err != nil {
			return nil, err
		}
	}
	if err := to.packedToo(ctx, c, rows); err != nil {
		return nil, err
	}
	m := &measured{Server: to.server, Protocol: rawRows, load: load{Rows: 1, Connections: 1}}
	for range rounds {
		one, err := to.measure(p, m.load, d, nil)
		if err != nil {
			return nil, err
		}
		m.Rounds = append(m.Rounds, one)
	}
	m.settle()
	return m, nil
}

// awaited waits until the server has the new view, where it may not have it yet.
func (t *target) awaited(ctx context.Context, c asker, question []byte, may bool) error {
	for {
		_, err := c.ask(question)
		if err == nil || !may {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if may = t.process.running(); !may {
			return err
		}
	}
}

// running reports whether a process has not ended.
func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// sameBothWays compares the features of a row that were looked up with those that are
// computed.
func (t *target) sameBothWays(c asker, row *flight, question []byte) error {
	var made struct {
		Names []string
		Rows  [][]json.RawMessage
	}
	var stored struct {
		Rows []struct{ Features map[string]json.RawMessage }
	}
	reply, err := insist(c, question)
	if err == nil {
		err = json.Unmarshal(reply, &made)
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(map[string]any{"view": "flights", "rows": []any{map[string]string{"origin": row.Origin, "destination": row.Destination}}})
	if err != nil {
		return err
	}
	reply, err = insist(c, post(t.address, "/v1/lookup", t.token, "application/json", text))
	if err == nil {
		err = json.Unmarshal(reply, &stored)
	}
	if err != nil {
		return err
	}
	if len(made.Rows) != 1 || len(stored.Rows) != 1 || len(made.Names) != len(stored.Rows[0].Features) || len(made.Rows[0]) != len(made.Names) {
		return fmt.Errorf("%v: %d features are computed and %d were published", *row, len(made.Names), len(stored.Rows))
	}
	for i, name := range made.Names {
		if a, b := string(made.Rows[0][i]), string(stored.Rows[0].Features[name]); a != b {
			return fmt.Errorf("feature %s of %v is %s by request and %s by publishing", name, *row, a, b)
		}
	}
	return nil
}

// packedToo asks for the features of all rows at once, in packed tensors by the Go client:
// they must be those of the rows one by one.
func (t *target) packedToo(ctx context.Context, c asker, rows []flight) error {
	asked, err := client.New(t.address, client.Options{Token: t.token})
	if err != nil {
		return err
	}
	defer asked.Close()
	columns, err := client.From(rows)
	if err != nil {
		return err
	}
	table, err := asked.Transform(ctx, "flights", columns...)
	if err != nil {
		return err
	}
	for i := range rows {
		var one struct {
			Names []string
			Rows  [][]json.RawMessage
		}
		text, err := json.Marshal(map[string]any{"rows": rows[i : i+1]})
		if err != nil {
			return err
		}
		reply, err := insist(c, post(t.address, t.by.path, t.token, t.by.kind, text))
		if err == nil {
			err = json.Unmarshal(reply, &one)
		}
		if err != nil {
			return err
		}
		for k, value := range table.Row(i) {
			at := slices.Index(one.Names, k)
			if a, b := fmt.Sprint(value), string(one.Rows[0][max(0, at)]); at < 0 || a != b && !sameNumber(value, b) {
				return fmt.Errorf("feature %s of %v is %s in a tensor and %s in JSON", k, rows[i], a, b)
			}
		}
	}
	return nil
}

// sameNumber reports whether a float is what a JSON text says, bit for bit.
func sameNumber(value any, text string) bool {
	switch x := value.(type) {
	case float32:
		y, err := strconv.ParseFloat(text, 32)
		return err == nil && float32(y) == x
	case float64:
		y, err := strconv.ParseFloat(text, 64)
		return err == nil && y == x
	}
	return value == nil && text == "null"
}
