package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"quern/features/diag"
	"quern/serve"
	"quern/serve/live"
	"quern/serve/view"
)

// pushFlags are what the user says of pushed rows.
type pushFlags struct {
	folder          string
	memory, compact int // MiB
	every, wait     time.Duration
}

func (f *pushFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.folder, "overlay", "", "local folder of the rows that are pushed to this server (default: it takes no pushes)")
	c.Flags().DurationVar(&f.wait, "overlay-wait", 0, "how long to wait for a server that still has that folder, as when it is replaced")
	c.Flags().IntVar(&f.memory, "overlay-memory", 1024, "MiB of pushed rows of a view that are not in its segments yet")
	c.Flags().IntVar(&f.compact, "compact-at", 0, "MiB of pushed rows from which on they go into segments (default: an eighth of the view, at least 64)")
	c.Flags().DurationVar(&f.every, "compact-every", 10*time.Minute, "how long pushed rows wait for that at most, and other servers for them; 0: as long as they are few")
}

// open makes a server take pushes, if it is told to: nil otherwise.
func (f *pushFlags) open(ctx context.Context, a *app, config *serve.Config, sf *serveFlags) (*live.Overlays, error) {
	if f.folder == "" {
		return nil, nil
	}
	if f.memory < 1 || f.compact < 0 || f.every < 0 || f.wait < 0 {
		return nil, usage("--overlay-memory is 1 or more, --compact-at, --compact-every and --overlay-wait are not negative")
	}
	every := f.every
	if every == 0 {
		every = -1
	}
	options := live.OverlayOptions{
		Folder: f.folder, Memory: int64(f.memory) << 20, Compact: int64(f.compact) << 20, Every: every, Log: config.Log,
		Into: &live.Published{Store: &view.Store{Places: a.places, Folder: sf.store}, Mirror: sf.mirror},
	}
	o, err := live.NewOverlays(config.Generations, options)
	for until := time.Now().Add(f.wait); isOwned(err) && time.Now().Before(until) && ctx.Err() == nil; {
		time.Sleep(50 * time.Millisecond)
		o, err = live.NewOverlays(config.Generations, options)
	}
	if err != nil {
		return nil, err
	}
	config.Writer = o
	return o, nil
}

// isOwned reports whether another process has the folder.
func isOwned(err error) bool {
	var e *diag.Error
	return errors.As(err, &e) && e.Code == "Q675"
}
