package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quern/features/diag"
	"quern/pipeline/store"
	"quern/serve"
	"quern/serve/lookup"
	"quern/serve/view"
)

// serveFlags are what the user says of a server.
type serveFlags struct {
	store, mirror      string
	listen, tokens     string
	cert, key, clients string
	compat             string
	short, stale       bool
	poll, drain        time.Duration
}

func (a *app) serveCommand() *cobra.Command {
	f := serveFlags{}
	c := &cobra.Command{
		Use:   "serve --store DIR",
		Short: "Answer look-ups of published views over HTTP and gRPC",
		Long: `Serves the current version of every view in a store, on one port: Feast's HTTP and
gRPC calls, and POST /v1/lookup. Versions that are published, promoted or rolled back
meanwhile are taken up at once, and no request sees two.

Without a certificate it listens on this machine only. With --tokens every call needs
a token of that file (mode 0600), and what a token is not granted is denied:

  {"tokens": [{"name": "trainer", "token": "...", "read": ["drivers", "cities:size"]}]}`,
		Example: `  quern serve --store views
  quern serve --store views --listen :6566 --tls-cert tls.crt --tls-key tls.key --tokens tokens.json
  curl localhost:6566/v1/lookup -d '{"view": "drivers", "rows": [{"driver_id": 1001}]}'`,
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error { return a.serve(c.Context(), &f) },
	}
	c.Flags().StringVar(&f.store, "store", "", "folder or s3:// URI that views are published to")
	c.Flags().StringVar(&f.mirror, "mirror", "", "local folder that versions of an s3:// store are copied to")
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:6566", "HOST:PORT")
	c.Flags().StringVar(&f.tokens, "tokens", "", "file of the tokens that are let in (default: everybody)")
	c.Flags().StringVar(&f.cert, "tls-cert", "", "file of the server's certificate")
	c.Flags().StringVar(&f.key, "tls-key", "", "file of its key")
	c.Flags().StringVar(&f.clients, "tls-clients", "", "file of the authorities whose clients are let in (default: any client)")
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
	if config.Generations, err = a.openViews(serve.Published{Mirror: f.mirror}, f.store, config.Log); err != nil {
		return err
	}
	defer config.Generations.Close()
	if _, err := config.Generations.Reload(ctx); ctx.Err() != nil {
		return ctx.Err()
	} else if err != nil && config.Generations.Reloads.Load() == 0 {
		return err // nothing of it can be served
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
	fmt.Fprintf(a.err, "listening on %s://%s\n", scheme, l.Addr())
	following, stop := context.WithCancel(ctx)
	followed, served := make(chan struct{}), make(chan error, 1)
	go func() { config.Generations.Follow(following, f.poll); close(followed) }()
	go func() { served <- server.Serve(l) }()
	defer func() { stop(); <-followed }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	fmt.Fprintln(a.err, "stopping: requests that are there are answered")
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.drain)
	defer cancel()
	if err := server.Shutdown(draining); err != nil {
		fmt.Fprintf(a.err, "some requests took longer than %v and were cut\n", f.drain)
	}
	return <-served
}

// openViews follows the views of a store.
func (a *app) openViews(p serve.Published, folder string, log func(string, ...any)) (*serve.Generations, error) {
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
	p.Store = &view.Store{Places: a.places, Folder: folder}
	return serve.NewGenerations(&p, log), nil
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
	c := &serve.Config{
		Rules: lookup.Rules{Compat: compat, KeepStale: f.stale}, ShortFloats: f.short, Program: "quern",
		Log: func(format string, args ...any) { fmt.Fprintf(a.err, strings.TrimRight(format, "\n")+"\n", args...) },
	}
	var err error
	if f.tokens != "" {
		if c.Tokens, err = serve.ReadTokens(f.tokens); err != nil {
			return nil, err
		}
	}
	c.TLS, err = f.transport()
	return c, err
}

// transport returns the settings of TLS, or nil where none is asked for.
func (f *serveFlags) transport() (*tls.Config, error) {
	if f.cert == "" && f.key == "" && f.clients == "" {
		return nil, nil
	}
	if f.cert == "" || f.key == "" {
		return nil, usage("TLS takes both --tls-cert and --tls-key")
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, usage("--tls-cert and --tls-key cannot be used").Because(err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}}
	if f.clients != "" {
		text, err := os.ReadFile(f.clients)
		if err != nil {
			return nil, usage("--tls-clients cannot be read").Because(err)
		}
		c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		if !c.ClientCAs.AppendCertsFromPEM(text) {
			return nil, diag.New("Q501", "--tls-clients %s has no certificate", f.clients)
		}
	}
	return c, nil
}
