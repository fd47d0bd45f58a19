// Command scaling foretells how jobs of 10 to 10,000 workers go, for docs/SCALING.md: it
// simulates them with the machines of package shard/core, fed with what was measured and
// what is assumed (bench/results/scaling/inputs.json), and writes the curve
// (bench/results/scaling/curve.json), its drawing and the tables of the document. With
// -measure it measures first.
//
//	go run ./bench/scaling [-measure] [-s3 s3://bucket/folder]
//	go run ./bench/scaling -pages     the document and its drawing, of the committed figures
//	go run ./bench/scaling -processes build/quern [-rounds 7]
//
// With -processes it simulates nothing: it runs jobs in several processes of this machine, for
// the first table of the document (bench/results/scaling/processes.json).
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
)

// Where the files are, from the root of the repository.
const (
	inputsPath   = "bench/results/scaling/inputs.json"
	curvePath    = "bench/results/scaling/curve.json"
	processPath  = "bench/results/scaling/processes.json"
	drawingPath  = "docs/scaling.svg"
	documentPath = "docs/SCALING.md"
)

func main() {
	measured := flag.Bool("measure", false, "measure stores, partials and the heap on this machine first")
	remote := flag.String("s3", "", "with -measure: a folder of an S3 server beside, like s3://bucket/folder")
	pages := flag.Bool("pages", false, "write the document and its drawing from the committed figures")
	program := flag.String("processes", "", "measure `PROGRAM` run in one process and in several")
	rounds := flag.Int("rounds", 7, "with -processes: how often each")
	flag.Parse()
	do := func(ctx context.Context) error { return run(ctx, *measured, *pages, *remote) }
	if *program != "" {
		do = func(ctx context.Context) error { return compareProcesses(ctx, *program, *rounds) }
	}
	if err := do(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "scaling:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, measured, pages bool, remote string) error {
	if pages {
		return write()
	}
	in := &inputs{}
	if err := readJSON(inputsPath, in); err != nil {
		return err
	}
	if measured {
		if err := measure(ctx, in, remote); err != nil {
			return err
		}
		if err := writeJSON(inputsPath, in); err != nil {
			return err
		}
	}
	if err := writeJSON(curvePath, simulated(in)); err != nil {
		return err
	}
	return write()
}

// compareProcesses measures jobs in several processes, and writes the document.
func compareProcesses(ctx context.Context, program string, rounds int) error {
	p, err := measureProcesses(ctx, program, processRows, rounds)
	if err != nil {
		return err
	}
	if err := writeJSON(processPath, p); err != nil {
		return err
	}
	return write()
}

// figures are the committed ones, which the document states.
type figures struct {
	in    inputs
	curve curve
	procs processes
}

func committed() (*figures, error) {
	f := &figures{}
	return f, cmp.Or(readJSON(inputsPath, &f.in), readJSON(curvePath, &f.curve), readJSON(processPath, &f.procs))
}

// write writes the drawing, and the tables into the document, of the committed figures.
func write() error {
	f, err := committed()
	if err != nil {
		return err
	}
	if err := os.WriteFile(drawingPath, drawing(&f.curve), 0o644); err != nil {
		return err
	}
	page, err := os.ReadFile(documentPath)
	if err != nil {
		return err
	}
	if page, err = filled(page, f); err != nil {
		return err
	}
	return os.WriteFile(documentPath, page, 0o644)
}
