package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"quern/features/diag"
	"quern/shard/record"
	"quern/shard/rpc/identity"
)

// certsFlags say which certificates to make.
type certsFlags struct {
	hosts       []string
	job, shards string
	life        time.Duration
}

func (a *app) certsCommand() *cobra.Command {
	f := &certsFlags{}
	c := &cobra.Command{
		Use:   "certs FOLDER",
		Short: "Make certificates for a coordinator and its workers",
		Long: `Makes what mutual TLS between machines takes, in a folder of one's own: an authority
(FOLDER/authority, which is kept if it is there), and certificates that it signs: of the
coordinator, for the names and addresses by which it is reached, of workers, and of an
operator, who may watch and cancel. Each is tls.crt, tls.key and ca.crt, as in a
Kubernetes secret. Workers can be held to one job, and to shards of it.

Keys are ECDSA on P-256, in files that only their owner can read. Whoever has the
authority's key can be anybody: keep it, and hand out the rest.`,
		Example: `  quern certs certs --host coordinator.example.com --host 10.0.0.7
  quern certs certs --host 10.0.0.7 --job 0f3e... --shards 0-99`,
		Args: takes("FOLDER"),
		RunE: func(_ *cobra.Command, args []string) error { return a.certs(args[0], f) },
	}
	o := c.Flags()
	o.StringArrayVar(&f.hosts, "host", nil, "name or address by which the coordinator is reached (may be repeated)")
	o.StringVar(&f.job, "job", "", "the only job that workers and operator may speak of (default: any)")
	o.StringVar(&f.shards, "shards", "*", "the only shards that workers may submit, like 0-99,200")
	o.DurationVar(&f.life, "life", identity.LeafLife, "how long the certificates are good")
	return c
}

// certs makes the certificates.
func (a *app) certs(folder string, f *certsFlags) error {
	people, err := f.people()
	if err != nil {
		return err
	}
	if len(f.hosts) == 0 {
		return usage("say by which name or address the coordinator is reached: --host NAME")
	}
	if f.life <= 0 {
		return usage("--life %v: give more than 0s", f.life)
	}
	authority, err := openAuthority(filepath.Join(folder, "authority"))
	if err != nil {
		return diag.New("Q512", "the authority in %s cannot be read or made", folder).Because(err)
	}
	valid := identity.For(f.life)
	pairs := map[string]func() (identity.Pair, error){
		"coordinator": func() (identity.Pair, error) { return authority.Server(f.hosts, valid) },
	}
	for name, p := range people {
		pairs[name] = func() (identity.Pair, error) { return authority.Client(p, valid) }
	}
	for _, name := range []string{"coordinator", "worker", "operator"} {
		pair, err := pairs[name]()
		if err == nil {
			err = pair.Save(filepath.Join(folder, name))
		}
		if err != nil {
			return diag.New("Q512", "the certificate of the %s cannot be written", name).Because(err)
		}
		fmt.Fprintln(a.out, filepath.Join(folder, name))
	}
	return nil
}

// people returns who the clients are.
func (f *certsFlags) people() (map[string]identity.Principal, error) {
	shards, err := identity.ParseShards(f.shards)
	if err != nil {
		return nil, usage("--shards %q: give numbers and ranges, like 0-99,200, or *", f.shards)
	}
	base := identity.Principal{AnyJob: f.job == ""}
	if !base.AnyJob {
		id, err := hex.DecodeString(f.job)
		if err != nil || len(id) != len(base.Job) {
			return nil, usage("--job %q: give the job's name, 32 hexadecimal digits", f.job)
		}
		base.Job = record.Job(id)
	}
	worker, operator := base, base
	worker.Role, worker.Shards = identity.Worker, shards
	operator.Role, operator.Shards = identity.Operator, identity.AllShards()
	return map[string]identity.Principal{"worker": worker, "operator": operator}, nil
}

// openAuthority loads the authority of a folder, or makes one.
func openAuthority(folder string) (*identity.Authority, error) {
	_, err := os.Stat(folder)
	if err == nil {
		return identity.LoadAuthority(folder)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	authority, err := identity.NewAuthority(identity.For(identity.AuthorityLife))
	if err != nil {
		return nil, err
	}
	return authority, authority.Save(folder)
}
