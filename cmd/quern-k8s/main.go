// Command quern-k8s speaks with Kubernetes for the program quern, which starts it for
// `quern k8s submit`, status, logs and delete. It is a program and a module of its own,
// so that quern does not carry a client of Kubernetes.
//
// It takes a request (package shard/k8s) on its standard input, and ends when that does.
// What it submits is what `quern k8s render` prints. It owns no truth: what a phase came
// to is read in the job's commit log, and what is under way in the cluster, so it can be
// killed and started again at any time.
//
// stdout is data, stderr is talk; exit codes are quern's.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"quern/features/diag"
	"quern/shard/k8s"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(serve(ctx, os.Stdin, os.Stdout, os.Stderr))
}

// serve does the one request of in and returns the exit code.
func serve(ctx context.Context, in io.Reader, out, talk io.Writer) int {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	input := bufio.NewReader(in)
	line, err := input.ReadBytes('\n')
	var r k8s.Request
	if err == nil {
		err = json.Unmarshal(line, &r)
	}
	if err != nil {
		fmt.Fprintln(talk, "quern-k8s is called by quern: see quern k8s --help")
		return int(diag.Usage)
	}
	go func() {
		io.Copy(io.Discard, input) // until whoever asked is gone
		stop()
	}()
	err = do(ctx, &r, out, talk)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(talk, interrupted(&r))
		return int(diag.Failed)
	}
	diag.Draw(talk, err, r.Colour)
	return exitCode(err)
}

func do(ctx context.Context, r *k8s.Request, out, talk io.Writer) error {
	c, err := connect(r)
	if err != nil {
		return err
	}
	switch r.Verb {
	case k8s.Submit:
		return submit(ctx, c, r, talk)
	case k8s.Status:
		return status(ctx, c, r, out)
	case k8s.Logs:
		return logs(ctx, c, r, out)
	case k8s.Delete:
		return remove(ctx, c, r, talk)
	}
	return diag.New("Q501", "unknown verb %q", r.Verb)
}

func interrupted(r *k8s.Request) string {
	if r.Verb == k8s.Submit {
		return "interrupted: the cluster goes on with this phase; the same command takes it up, `quern k8s delete` stops it"
	}
	return "interrupted"
}

// exitCode is the class of the first mistake.
func exitCode(err error) int {
	var e *diag.Error
	if errors.As(err, &e) {
		if entry, ok := diag.Lookup(e.Code); ok {
			return int(entry.Class)
		}
	}
	return int(diag.Failed)
}
