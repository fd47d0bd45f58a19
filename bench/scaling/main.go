// Command scaling foretells how jobs of 10 to 10,000 workers go, for docs/SCALING.md: it
// simulates them with the machines of package shard/core, fed with what was measured and
// what is assumed (bench/results/scaling/inputs.json), and writes the curve
// (bench/results/scaling/curve.json), its drawing and the tables of the document. With
// -measure it measures first.
//
//	go run ./bench/scaling [-measure] [-s3 s3://bucket/folder]
//	go run ./bench/scaling -pages     the document and its drawing, of the committed curve
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

// Where the files are, from the root of the repository.
const (
	inputsPath   = "bench/results/scaling/inputs.json"
	curvePath    = "bench/results/scaling/curve.json"
	drawingPath  = "docs/scaling.svg"
	documentPath = "docs/SCALING.md"
)

func main() {
	measured := flag.Bool("measure", false, "measure stores, partials and the heap on this machine first")
	remote := flag.String("s3", "", "with -measure: a folder of an S3 server beside, like s3://bucket/folder")
	pages := flag.Bool("pages", false, "write the document and its drawing from the committed curve")
	flag.Parse()
	if err := run(context.Background(), *measured, *pages, *remote); err != nil {
		fmt.Fprintln(os.Stderr, "scaling:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, measured, pages bool, remote string) error {
	in, c := &inputs{}, &curve{}
	if err := readJSON(inputsPath, in); err != nil {
		return err
	}
	if pages {
		if err := readJSON(curvePath, c); err != nil {
			return err
		}
		return write(in, c)
	}
	if measured {
		if err := measure(ctx, in, remote); err != nil {
			return err
		}
		if err := writeJSON(inputsPath, in); err != nil {
			return err
		}
	}
	c = simulated(in)
	if err := writeJSON(curvePath, c); err != nil {
		return err
	}
	return write(in, c)
}

// write writes the drawing, and the tables into the document.
func write(in *inputs, c *curve) error {
	if err := os.WriteFile(drawingPath, drawing(c), 0o644); err != nil {
		return err
	}
	page, err := os.ReadFile(documentPath)
	if err != nil {
		return err
	}
	if page, err = filled(page, in, c); err != nil {
		return err
	}
	return os.WriteFile(documentPath, page, 0o644)
}
