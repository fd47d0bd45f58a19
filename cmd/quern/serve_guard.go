package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"quern/serve"
	"quern/serve/access"
)

// guardFlags are what the user says of who is let in, how, and how the server goes.
type guardFlags struct {
	tokens             string
	cert, key, clients string
	optional           bool
	reusePort          bool
	linger             time.Duration

	files []access.File // that are read again when they change
}

// recheck is how often files of tokens and certificates are looked at.
const recheck = time.Second

func (f *guardFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.tokens, "tokens", "", "file of those who are let in, by token or certificate (default: everybody)")
	c.Flags().StringVar(&f.cert, "tls-cert", "", "file of the server's certificate")
	c.Flags().StringVar(&f.key, "tls-key", "", "file of its key")
	c.Flags().StringVar(&f.clients, "tls-clients", "", "file of the authorities whose clients are let in (default: any client)")
	c.Flags().BoolVar(&f.optional, "tls-clients-optional", false, "let clients in without a certificate, too: they need a token")
	c.Flags().BoolVar(&f.reusePort, "reuse-port", false, "let another server take over the port; start the next one, then stop this (Linux)")
	c.Flags().DurationVar(&f.linger, "linger", time.Second, "how long a server that is stopped goes on taking requests, while clients move on")
}

// apply reads the files and says so in c.
func (f *guardFlags) apply(c *serve.Config) (err error) {
	c.ReusePort, c.Linger = f.reusePort, f.linger
	if f.linger < 0 {
		return usage("--linger is not negative")
	}
	if f.cert != "" || f.key != "" || f.clients != "" {
		if f.cert == "" || f.key == "" {
			return usage("TLS takes both --tls-cert and --tls-key")
		}
		certificates, err := access.ReadCertificates(access.CertificateFiles{Cert: f.cert, Key: f.key, Clients: f.clients, Optional: f.optional})
		if err != nil {
			return err
		}
		c.TLS, f.files = certificates.TLS(), append(f.files, certificates)
	}
	if f.optional && (f.clients == "" || f.tokens == "") {
		return usage("--tls-clients-optional goes with --tls-clients and --tokens: else nobody would ask who a client is")
	}
	if f.tokens == "" {
		return nil
	}
	if c.Tokens, err = access.ReadTokens(f.tokens); err != nil {
		return err
	}
	if c.Tokens.ByCertificate() && f.clients == "" {
		return usage("%s knows clients by certificates, but none are asked for", f.tokens).WithHint("--tls-clients CA.crt")
	}
	f.files = append(f.files, c.Tokens)
	return nil
}

// follow reads the files again when they change, until ctx ends.
func (f *guardFlags) follow(ctx context.Context, c *serve.Config) {
	access.Follow(ctx, recheck, c.Log, f.files...)
}
