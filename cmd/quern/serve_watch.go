package main

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quern/serve"
	"quern/serve/audit"
	"quern/serve/tracing"
)

// watchFlags are what the user says of how a server is watched: its log, the log of served
// features, and traces.
type watchFlags struct {
	format      string
	folder      string
	sample      float64
	callers     bool
	roll, keep  time.Duration
	size        string
	trace       string
	traceSample float64
}

func (f *watchFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.format, "log-format", "text", "how the server's own log is written: text or json")
	c.Flags().StringVar(&f.folder, "log-features", "", "folder for a sampled log of served features, in Parquet files (see quern audit)")
	c.Flags().Float64Var(&f.sample, "log-sample", 0.01, "share of the keys that --log-features takes down: a key is always in it or never")
	c.Flags().BoolVar(&f.callers, "log-callers", false, "take down the names of the callers' tokens, too")
	c.Flags().DurationVar(&f.roll, "log-roll", 5*time.Minute, "how old rows become before their file appears")
	c.Flags().DurationVar(&f.keep, "log-keep", 30*24*time.Hour, "how long files of --log-features are kept")
	c.Flags().StringVar(&f.size, "log-size", "10GiB", "how large they may become together: then the oldest are removed")
	c.Flags().StringVar(&f.trace, "trace", "", "URL of an OpenTelemetry collector (OTLP over HTTP), such as http://localhost:4318")
	c.Flags().Float64Var(&f.traceSample, "trace-sample", 0.01, "share of the requests that are traced; those that the server fails all are")
	completeWords(c, "log-format", "text", "json")
}

// logger returns what writes the server's log.
func (f *watchFlags) logger(a *app) (func(format string, args ...any), error) {
	switch f.format {
	case "text":
		return func(format string, args ...any) { fmt.Fprintf(a.err, strings.TrimRight(format, "\n")+"\n", args...) }, nil
	case "json":
		l := slog.New(slog.NewJSONHandler(a.err, nil))
		return func(format string, args ...any) { l.Info(strings.TrimRight(fmt.Sprintf(format, args...), "\n")) }, nil
	}
	return nil, usage("--log-format is text or json, not %q", f.format)
}

// apply opens the log of served features and the tracer, and gives them to c. done ends
// them, once the server does nothing any longer.
func (f *watchFlags) apply(ctx context.Context, c *serve.Config) (done func(), err error) {
	if f.folder != "" {
		bytes, ok := parseBytes(f.size)
		if !ok {
			return nil, usage("--log-size %q is no size, such as 10GiB", f.size)
		}
		if f.sample == 0 {
			f.sample = -1 // not the default
		}
		c.Audit, err = audit.Open(audit.Options{Folder: f.folder, Share: f.sample, Callers: f.callers, Roll: f.roll,
			MaxAge: f.keep, MaxBytes: bytes, Log: c.Log})
		if err != nil {
			return nil, err
		}
	}
	if f.trace != "" {
		if f.traceSample < 0 {
			f.traceSample = 2 // refused: a negative share would be the default
		}
		c.Tracer, err = tracing.New(ctx, tracing.Options{URL: f.trace, Share: f.traceSample, Version: revision(debug.ReadBuildInfo()), Log: c.Log})
	}
	done = func() {
		if c.Tracer != nil {
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			c.Tracer.Close(ending) // what could not be sent was told
		}
		if c.Audit != nil {
			c.Audit.Close()
		}
	}
	if err != nil {
		done()
		return nil, err
	}
	return done, nil
}
