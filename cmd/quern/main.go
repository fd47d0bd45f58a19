// Command quern turns raw tables into model-ready features.
//
// stdout is data, stderr is talk. Exit codes: 0 good, 1 findings or a failed run, 2
// wrong command line or recipe, 3 bad data, 4 something is unavailable.
package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)   // a second signal ends the process at once
	signal.Ignore(syscall.SIGPIPE) // writing to a closed pipe is an error, which app.end understands
	a := newApp(os.Stdout, os.Stderr)
	if strings.ContainsRune(os.Args[0], os.PathSeparator) {
		a.program = os.Args[0]
	}
	os.Exit(a.run(ctx, os.Args[1:]))
}
