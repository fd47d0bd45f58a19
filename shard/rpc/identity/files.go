package identity

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Files are where a process keeps its certificate and key, and its authorities'
// certificates. They may be replaced while it runs: it looks for new ones at a
// handshake when it has not looked for half a minute. Files that do not belong
// together, as in the middle of a replacement, leave the old ones in force.
type Files struct{ Cert, Key, CA string }

// In returns the files of a folder that Pair.Save wrote, or a Kubernetes secret.
func In(folder string) Files {
	return Files{filepath.Join(folder, CertFile), filepath.Join(folder, KeyFile), filepath.Join(folder, CAFile)}
}

// poll is how long files are believed.
const poll = 30 * time.Second

// Server returns the settings of a coordinator: TLS 1.3, and clients that show a
// certificate of the authority. Handshakes after a replacement use the new files.
func (f Files) Server() (*tls.Config, error) {
	k, err := f.keep()
	if err != nil {
		return nil, err
	}
	settings := func() *tls.Config {
		now := k.current()
		return &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}, SessionTicketsDisabled: true,
			Certificates: []tls.Certificate{now.cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: now.pool}
	}
	c := settings()
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return settings(), nil }
	return c, nil
}

// Client returns the settings of a worker or operator that speaks to host. Handshakes
// after a replacement use the new certificate; new authorities need a new process.
func (f Files) Client(host string) (*tls.Config, error) {
	k, err := f.keep()
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}, ServerName: host, RootCAs: k.current().pool,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &k.current().cert, nil },
	}, nil
}

// keeper holds what the files said when they last made sense.
type keeper struct {
	files  Files
	mu     sync.Mutex
	looked time.Time
	bytes  [3][]byte
	held   *material
}

// material is what handshakes need. It is never changed.
type material struct {
	cert tls.Certificate
	pool *x509.CertPool
}

func (f Files) keep() (*keeper, error) {
	k := &keeper{files: f}
	if err := k.look(); err != nil {
		return nil, err
	}
	return k, nil
}

// current returns the material, after a look at the files if the last one is long ago.
func (k *keeper) current() *material {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.looked) >= poll {
		_ = k.look() // what cannot be read now leaves the old in force
	}
	return k.held
}

// look reads the files.
func (k *keeper) look() error {
	k.looked = time.Now()
	var read [3][]byte
	for i, path := range []string{k.files.Cert, k.files.Key, k.files.CA} {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		read[i] = data
	}
	if k.held != nil && bytes.Equal(read[0], k.bytes[0]) && bytes.Equal(read[1], k.bytes[1]) && bytes.Equal(read[2], k.bytes[2]) {
		return nil
	}
	cert, err := tls.X509KeyPair(read[0], read[1])
	if err != nil {
		return fmt.Errorf("%s and %s: %w", k.files.Cert, k.files.Key, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(read[2]) {
		return fmt.Errorf("%s holds no certificate", k.files.CA)
	}
	k.bytes, k.held = read, &material{cert, pool}
	return nil
}
