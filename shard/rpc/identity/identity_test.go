package identity

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"quern/shard/record"
)

func TestShards(t *testing.T) {
	for text, want := range map[string]struct {
		in, out []uint32
		again   string
	}{
		"*":        {[]uint32{0, 7, 1<<32 - 1}, nil, "*"},
		"3":        {[]uint32{3}, []uint32{2, 4}, "3"},
		"0-99":     {[]uint32{0, 50, 99}, []uint32{100}, "0-99"},
		"7,20-29":  {[]uint32{7, 20, 29}, []uint32{6, 8, 19, 30}, "7,20-29"},
		"5-5":      {[]uint32{5}, []uint32{4, 6}, "5"},
		"0,2,4-10": {[]uint32{0, 2, 10}, []uint32{1, 3, 11}, "0,2,4-10"},
	} {
		s, err := ParseShards(text)
		if err != nil || s.String() != want.again {
			t.Errorf("%s is %v (%v)", text, s, err)
		}
		for _, shard := range want.in {
			if !s.Contains(shard) {
				t.Errorf("%s lacks %d", text, shard)
			}
		}
		for _, shard := range want.out {
			if s.Contains(shard) {
				t.Errorf("%s has %d", text, shard)
			}
		}
	}
	for _, text := range []string{"", "-", "1-", "-1", "9-3", "a", "1,,2", "4294967296", "+1", " 1", "0x1", "1-2-3"} {
		if s, err := ParseShards(text); !errors.Is(err, ErrIdentity) {
			t.Errorf("%q is %v (%v)", text, s, err)
		}
	}
	if (Shards{}).Contains(0) {
		t.Error("the empty set has shard 0")
	}
}

func TestURIs(t *testing.T) {
	job := record.Job{0xab, 1}
	for _, p := range []Principal{
		{Role: Worker, Job: job, Shards: Shards{{0, 9}}},
		{Role: Operator, AnyJob: true, Shards: AllShards()},
	} {
		got, err := ParseURI(p.URI())
		if err != nil || got.Role != p.Role || got.Job != p.Job || got.AnyJob != p.AnyJob || got.Shards.String() != p.Shards.String() {
			t.Errorf("%s is %+v (%v)", p.URI(), got, err)
		}
	}
	p := Principal{Job: job}
	other := Principal{AnyJob: true}
	if !p.Serves(job) || p.Serves(record.Job{}) || !other.Serves(job) {
		t.Error("who serves which job is wrong")
	}
	nobody := Principal{Role: "nobody", Shards: AllShards()}
	for _, text := range []string{"", "worker/*/*", "quern://worker", "QUERN://worker/*/*", nobody.URI(), "quern://worker/**/*"} {
		if p, err := ParseURI(text); !errors.Is(err, ErrIdentity) {
			t.Errorf("%q is %+v (%v)", text, p, err)
		}
	}
}

// TestNamesInCertificates: exactly one, and nothing but a name.
func TestNamesInCertificates(t *testing.T) {
	for text, want := range map[string]bool{
		"quern://worker/*/*": true,
		"spiffe://x/y quern://worker/*/3,7-9 https://example.org": true,
		"":                                      false,
		"spiffe://quern/worker":                 false,
		"quern://worker/*/* quern://worker/*/*": false,
		"quern://worker/*/* quern://operator/*/*": false,
		"quern://worker/*/*?a=b":                  false,
		"quern://worker/*/*#a":                    false,
		"quern://a@worker/*/*":                    false,
		"quern://worker:80/*/*":                   false,
		"quern:worker/*/*":                        false,
	} {
		leaf := &x509.Certificate{RawSubjectPublicKeyInfo: []byte("key")}
		for name := range strings.FieldsSeq(text) {
			u, err := url.Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			leaf.URIs = append(leaf.URIs, u)
		}
		if p, err := FromCertificate(leaf); (err == nil) != want || want && p.Role != Worker {
			t.Errorf("%q is %+v (%v)", text, p, err)
		}
	}
}

// TestAuthority: what is issued is what was asked for, and nobody else can read it.
func TestAuthority(t *testing.T) {
	folder := t.TempDir()
	ca, err := NewAuthority(For(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := ca.Save(folder); err != nil {
		t.Fatal(err)
	}
	if ca, err = LoadAuthority(folder); err != nil {
		t.Fatal(err)
	}
	want := Principal{Role: Worker, Job: record.Job{7}, Shards: Shards{{3, 9}}}
	pair, err := ca.Client(want, For(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(folder, "worker")
	if err := errors.Join(pair.Save(own), pair.Save(own)); err != nil {
		t.Fatal(err)
	}
	files, _ := os.ReadDir(own)
	if len(files) != 3 {
		t.Errorf("%d files, want 3", len(files))
	}
	for _, f := range files {
		if info, _ := f.Info(); info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", f.Name(), info.Mode())
		}
	}
	loaded, err := tls.LoadX509KeyPair(In(own).Cert, In(own).Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.CA())
	if _, err := loaded.Leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	if _, err := loaded.Leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err == nil {
		t.Error("a worker could pass for a coordinator")
	}
	got, err := FromCertificate(loaded.Leaf)
	if err != nil || got.URI() != want.URI() || got.ID == "" {
		t.Errorf("%+v (%v), want %+v", got, err, want)
	}
	if _, err := ca.Client(Principal{Role: "root", AnyJob: true, Shards: AllShards()}, For(time.Hour)); !errors.Is(err, ErrIdentity) {
		t.Errorf("a certificate for a role that is none: %v", err)
	}
	if _, err := ca.Client(Principal{Role: Worker, AnyJob: true}, For(time.Hour)); !errors.Is(err, ErrIdentity) {
		t.Errorf("a certificate for no shards: %v", err)
	}
	if _, err := ca.Server(nil, For(time.Hour)); err == nil {
		t.Error("a certificate for no host")
	}
	if _, err := LoadAuthority(own); err == nil {
		t.Error("a worker could pass for the authority")
	}
}

// hands makes a handshake and returns the number of the coordinator's certificate, and errors.
func hands(server, client *tls.Config) (shown string, err error) {
	a, b := net.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- tls.Server(a, server).Handshake()
		a.Close()
	}()
	c := tls.Client(b, client)
	err = c.Handshake()
	if err == nil {
		_, err = c.Read(make([]byte, 1)) // TLS 1.3: only now it is known whether the server agrees
		if err.Error() == "EOF" {
			err = nil
		}
		shown = c.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	b.Close()
	return shown, errors.Join(err, <-done)
}

// TestReplacedFiles: new files come into force after half a minute, by themselves; files
// that make no sense do not.
func TestReplacedFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		valid := For(24 * time.Hour)
		ca, err := NewAuthority(valid)
		if err != nil {
			t.Fatal(err)
		}
		s, c := filepath.Join(t.TempDir(), "s"), filepath.Join(t.TempDir(), "c")
		issue := func(ca *Authority) {
			server, errA := ca.Server([]string{"here"}, valid)
			client, errB := ca.Client(Principal{Role: Worker, AnyJob: true, Shards: AllShards()}, valid)
			if err := errors.Join(errA, errB, server.Save(s), client.Save(c)); err != nil {
				t.Fatal(err)
			}
		}
		issue(ca)
		server, errA := In(s).Server()
		client, errB := In(c).Client("here")
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		see := func() string {
			t.Helper()
			shown, err := hands(server, client)
			if err != nil && shown == "" {
				t.Fatal(err)
			}
			return shown
		}
		first := see()
		issue(ca)
		if see() != first {
			t.Error("files are read at every handshake")
		}
		time.Sleep(poll)
		second := see()
		if second == first {
			t.Error("new files are not seen")
		}
		if err := os.WriteFile(In(s).Key, []byte("half a k"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(poll)
		if see() != second {
			t.Error("a broken key came into force")
		}
		other, err := NewAuthority(valid)
		if err != nil {
			t.Fatal(err)
		}
		issue(other)
		time.Sleep(poll)
		if _, err := hands(server, client); err == nil {
			t.Error("the old authority is still believed")
		}
		if client, err = In(c).Client("here"); err != nil {
			t.Fatal(err)
		}
		see()
		if client, err = In(c).Client("elsewhere"); err != nil {
			t.Fatal(err)
		}
		if _, err := hands(server, client); err == nil {
			t.Error("a coordinator of another name is believed")
		}
	})
}
