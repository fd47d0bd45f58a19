package main

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"quern/pipeline/store"
	"quern/serve"
	"quern/serve/live"
	"quern/serve/lookup"
	"quern/serve/view"
)

// serveFlags are what the user says of a server.
type serveFlags struct {
	store, mirror  string
	listen, compat string
	short, stale   bool
	poll, drain    time.Duration
	guard          guardFlags
	push           pushFlags
	watch          watchFlags
	models         modelFlags
}

func (a *app) serveCommand() *cobra.Command {
	f := serveFlags{}
	c := &cobra.Command{
		Use:   "serve --store DIR",
		Short: "Answer look-ups of published views over HTTP and gRPC",
		Long: `Serves the current version of every view in a store, on one port: Feast's HTTP and
gRPC calls, POST /v1/lookup, and POST /v1/transform/VIEW, which computes the features of
raw rows by the view's model (or --model's, without a store). Versions that are
published, promoted or rolled back meanwhile are taken up at once, and no request sees two.

Without a certificate it listens on this machine only. With --tokens every call needs
a token of that file (mode 0600), and what a token is not granted is denied:

  {"roles": {"ranking": {"read": ["drivers", "cities:size"], "requests_per_second": 500}},
   "tokens": [{"name": "trainer", "token": "...", "roles": ["ranking"], "write": ["drivers"]}],
   "certificates": [{"name": "ranker", "uri": "spiffe://example.org/ranker", "roles": ["ranking"]}]}

Rights are read, write, transform (of models) and metrics. That file and those of
certificates are read again when they change; what cannot be used is refused.

With --overlay rows may be pushed to this server: /push, /write-to-online-store and
/v1/push/VIEW. They are durable, and seen here, when the push is answered; they go into the
view's next version now and then, by which other servers see them. One server at a time
has the folder.

To bring in a new server without a pause, start both with --reuse-port: the new one
takes all new connections from its first moment, and then stop the old one (SIGTERM).`,
		Example: `  quern serve --store views
  quern serve --store views --listen :6566 --tls-cert tls.crt --tls-key tls.key --tokens tokens.json
  curl localhost:6566/v1/lookup -d '{"view": "drivers", "rows": [{"driver_id": 1001}]}'`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error { return a.serve(c.Context(), &f) },
	}
	c.Flags().StringVar(&f.store, "store", "", "folder or s3:// URI of the views")
	c.Flags().StringVar(&f.mirror, "mirror", "", "local folder that versions of an s3:// store are copied to")
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:6566", "HOST:PORT")
	f.guard.register(c)
	f.push.register(c)
	f.watch.register(c)
	f.models.register(c)
	c.Flags().StringVar(&f.compat, "compat", lookup.Strict.String(), "whose statuses: strict, feast-python or feast-go")
	c.Flags().BoolVar(&f.short, "short-floats", false, "print float32 values in the fewest digits, unlike Feast")
	c.Flags().BoolVar(&f.stale, "keep-stale", false, "show values that are older than the view's time to live")
	c.Flags().DurationVar(&f.poll, "poll", time.Second, "how often to look for new versions")
	c.Flags().DurationVar(&f.drain, "drain", 30*time.Second, "how long requests may take to end when the server is stopped")
	completeWords(c, "compat", "strict", "feast-python", "feast-go")
	return c
}

// serve serves until ctx ends, and then until the requests that are there are answered.
func (a *app) serve(ctx context.Context, f *serveFlags) error {
	config, err := a.serveConfig(f)
	if err != nil {
		return err
	}
	if err = a.openServed(ctx, f, config); err != nil {
		return err
	}
	defer config.Generations.Close()
	pushes, err := f.push.open(ctx, a, config, f)
	if err != nil {
		return err
	}
	defer pushes.Close()
	watched, err := f.watch.apply(ctx, config)
	if err != nil {
		return err
	}
	defer watched()
	if _, err := config.Generations.Reload(ctx); ctx.Err() != nil {
		return ctx.Err()
	} else if err != nil && config.Generations.Reloads() == 0 {
		return err // nothing of it can be served
	}
	if err := pushes.Refused(); err != nil {
		return err // answers would lack rows that were acknowledged
	}
	server := serve.New(*config)
	l, err := server.Listen(f.listen)
	if err != nil {
		return err
	}
	scheme := "http"
	if config.TLS != nil {
		scheme = "https"
	}
	config.Log("listening on %s://%s", scheme, l.Addr())
	following, stop := context.WithCancel(ctx)
	followed, served := make(chan struct{}), make(chan error, 1)
	go func() {
		var both sync.WaitGroup
		both.Go(func() { config.Generations.Follow(following, f.poll) })
		both.Go(func() { f.guard.follow(following, config) })
		both.Go(func() { pushes.Run(following) })
		both.Wait()
		close(followed)
	}()
	go func() { served <- server.Serve(l) }()
	defer func() { stop(); <-followed }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	config.Log("stopping: requests that are there are answered")
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.drain)
	defer cancel()
	if err := server.Shutdown(draining); err != nil {
		config.Log("some requests took longer than %v and were cut", f.drain)
	}
	return <-served
}

// openViews follows the views of a store.
func (a *app) openViews(p live.Published, folder string, log func(string, ...any)) (*live.Generations, error) {
	if folder == "" {
		return nil, usage("give the store that views are published to").WithHint("--store DIR")
	}
	if store.Scheme(folder) == "" {
		if _, err := os.Stat(folder); err != nil {
			return nil, usage("--store %s cannot be read", folder).Because(err)
		}
	} else if p.Mirror == "" {
		return nil, usage("--store %s is not of this disk: give a folder to copy versions to", folder).WithHint("--mirror DIR")
	}
	p.Store, p.Log = &view.Store{Places: a.places, Folder: folder}, log
	return live.NewGenerations(&p, log), nil
}

// serveConfig turns flags into what a server takes.
func (a *app) serveConfig(f *serveFlags) (*serve.Config, error) {
	compat, ok := lookup.ParseCompat(f.compat)
	if !ok {
		return nil, usage("--compat is strict, feast-python or feast-go, not %q", f.compat)
	}
	if f.poll < 10*time.Millisecond || f.drain < 0 {
		return nil, usage("--poll is 10ms or more, and --drain is not negative")
	}
	log, err := f.watch.logger(a)
	if err != nil {
		return nil, err
	}
	c := &serve.Config{Rules: lookup.Rules{Compat: compat, KeepStale: f.stale}, ShortFloats: f.short, Program: "quern", Log: log}
	return c, f.guard.apply(c)
}
