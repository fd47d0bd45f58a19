//go:build linux

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// Where the files are, from the root of the repository.
const (
	resultPath   = "bench/results/serving.json"
	documentPath = "docs/SERVING_SPEED.md"
)

// settings say how much is measured.
type settings struct {
	program, folder, feast string
	entities, feastEntities,
	rounds int
	seconds float64
	result  string // "": nothing is written
}

func main() {
	var s settings
	flag.StringVar(&s.program, "quern", "build/quern", "the program")
	flag.StringVar(&s.folder, "dir", "build/serving", "folder for data, which is emptied")
	flag.StringVar(&s.feast, "feast", "build/feast", "environment that scripts/feast_server.sh made; where there is none, Feast is left out")
	flag.IntVar(&s.entities, "entities", 1_000_000, "entities that quern serves")
	flag.IntVar(&s.feastEntities, "feast-entities", 200_000, "and Feast: its store takes about a minute to fill with so many")
	flag.IntVar(&s.rounds, "rounds", 3, "rounds of each load")
	flag.Float64Var(&s.seconds, "seconds", 4, "of a round")
	flag.StringVar(&s.result, "result", resultPath, "file of the figures")
	page := flag.Bool("page", false, "write the document from the committed figures, and measure nothing")
	quick := flag.Bool("quick", false, "a moment, on few entities, without Feast: whether it works, and no figures")
	flag.Parse()
	if *quick {
		s.entities, s.rounds, s.seconds, s.feast, s.result = 3000, 1, 0.1, "", ""
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := error(nil)
	if !*page {
		err = s.run(ctx)
	}
	if err == nil && (*page || s.result == resultPath) {
		err = writePage(s.result, documentPath)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "serving:", err)
		os.Exit(1)
	}
}

// run measures everything and writes the figures.
func (s *settings) run(ctx context.Context) error {
	r, err := s.measure(ctx)
	if err != nil || s.result == "" {
		return err
	}
	return r.write(s.result)
}

// measure measures everything.
func (s *settings) measure(ctx context.Context) (*report, error) {
	program, err := filepath.Abs(s.program)
	if err == nil {
		s.folder, err = filepath.Abs(s.folder)
	}
	if err == nil {
		err = os.RemoveAll(s.folder)
	}
	if err == nil {
		err = os.MkdirAll(s.folder, 0o755)
	}
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(s.folder)
	d := time.Duration(s.seconds * float64(time.Second))
	t := &table{version: 1, entities: s.entities, now: time.Now().Unix() * 1e6}
	r := newReport(s.seconds)
	anchor, err := s.besides(ctx, t, r)
	if err != nil {
		return nil, err
	}
	if anchor != nil {
		defer anchor.stop()
	}
	q := &quern{program, s.folder}
	if err := q.publish(ctx, t, &r.Loaded); err != nil {
		return nil, err
	}
	server, err := q.serve(ctx, t, &r.Loaded)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	fmt.Printf("quern: %d entities published in %.2f s, served after %.2f s, %d MiB\n", s.entities, r.Loaded.Publish, r.Loaded.Ready, r.Loaded.Resident>>20)
	if err := s.compare(ctx, r, server, anchor, d); err != nil {
		return nil, err
	}
	example, err := filepath.Abs("examples/flights")
	if err != nil {
		return nil, err
	}
	if r.Transform, err = q.transform(ctx, server, example, s.rounds, d); err != nil {
		return nil, err
	}
	fmt.Printf("features of a raw row: p50 %.3f ms, CPU %.3f ms\n", r.Transform.Median.P50, r.Transform.Median.CPU)
	second := *t
	second.version = 2
	if r.Swap, err = q.swap(ctx, server.over(packed()), &second, 2*s.rounds, max(d, time.Second)); err != nil {
		return nil, err
	}
	fmt.Printf("%d swaps: p99 %.3f ms without, %.3f ms with\n", r.Swap.Swaps, r.Swap.P99[0].All, r.Swap.P99[1].All)
	return r, nil
}

// besides starts Feast's server, if it is there.
func (s *settings) besides(ctx context.Context, t *table, r *report) (*target, error) {
	script, err := filepath.Abs("bench/serving/feast_store.py")
	if err != nil {
		return nil, err
	}
	f, note := findFeast(s.feast, filepath.Join(s.folder, "feast"), script)
	if f == nil {
		r.Anchor.Note = note
		fmt.Println(note)
		return nil, nil
	}
	few := *t
	few.entities = min(t.entities, s.feastEntities)
	to, err := f.serve(ctx, &few, &r.Anchor)
	if err == nil {
		fmt.Printf("Feast %s: %d entities loaded into %s in %.0f s\n", r.Anchor.Version, few.entities, r.Anchor.Store, r.Anchor.Load)
	}
	return to, err
}

// compare checks every answer and then measures, each load in turns with the others.
func (s *settings) compare(ctx context.Context, r *report, server, anchor *target, d time.Duration) error {
	all := []*target{}
	for _, p := range protocols() {
		all = append(all, server.over(p))
	}
	for _, to := range all {
		if err := r.check(to, wholePool(to)); err != nil {
			return err
		}
	}
	if anchor != nil {
		all = append(all, anchor)
	}
	for _, to := range all {
		r.plan(to)
	}
	for _, m := range r.Cells {
		if err := r.check(m.target, m.pool); err != nil {
			return err
		}
	}
	for i := range s.rounds {
		for _, m := range r.Cells {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := m.round(r, d); err != nil {
				return err
			}
		}
		fmt.Printf("round %d of %d\n", i+1, s.rounds)
	}
	for _, m := range r.Cells {
		m.settle()
		fmt.Printf("%-6s %-12s %3d x %d, %d connections, %.0f/s: p50 %.3f ms, p99 %.3f ms, %.0f/s, CPU %.3f + %.3f ms\n", m.Server, m.Protocol, m.Rows, features,
			m.Connections, m.load.Rate, m.Median.P50, m.Median.P99, m.Median.Rate, m.Median.CPU, m.Median.StoreCPU)
	}
	return server.measured()
}
