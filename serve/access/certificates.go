package access

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"quern/features/diag"
)

// Certificates are those of a server, in files that may be replaced while it runs:
// handshakes after that use the new ones.
type Certificates struct {
	file *watched[*tls.Config]
}

// CertificateFiles names PEM files.
type CertificateFiles struct {
	Cert, Key string // the server's
	Clients   string // of the authorities of clients; "": clients show no certificate
	Optional  bool   // clients without a certificate are let in, too
}

// ReadCertificates reads the files, or fails with Q503.
func ReadCertificates(f CertificateFiles) (*Certificates, error) {
	c := &Certificates{&watched[*tls.Config]{what: "certificate " + f.Cert, read: f.read, parse: f.parse}}
	_, err := c.file.Reload()
	return c, err
}

func (f CertificateFiles) read() (texts [][]byte, err error) {
	for _, path := range []string{f.Cert, f.Key, f.Clients} {
		var text []byte
		if path != "" || len(texts) < 2 {
			if text, err = os.ReadFile(path); err != nil {
				return nil, diag.New("Q503", "certificate file %q cannot be read", path).Because(err)
			}
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// parse makes the settings of a handshake: TLS 1.3 or nothing.
func (f CertificateFiles) parse(texts [][]byte, _ *tls.Config) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(texts[0], texts[1])
	if err != nil {
		return nil, diag.New("Q503", "%s and %s cannot be used", f.Cert, f.Key).Because(err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{pair}}
	if f.Clients == "" {
		return c, nil
	}
	// A ticket would let a client go on after its authority was taken away.
	c.SessionTicketsDisabled = true
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if f.Optional {
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	if !c.ClientCAs.AppendCertsFromPEM(texts[2]) {
		return nil, diag.New("Q503", "%s holds no certificate", f.Clients)
	}
	return c, nil
}

// Reload reads the files again. It reports whether they say something else; if they cannot be
// used, what held before goes on, and the error says why, once for each content.
func (c *Certificates) Reload() (changed bool, err error) { return c.file.Reload() }

// String names the certificate, for logs.
func (c *Certificates) String() string { return c.file.what }

// TLS returns the settings of a server, which follow the files: each handshake has those that
// hold then.
func (c *Certificates) TLS() *tls.Config {
	t := c.file.current().Clone()
	t.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.file.current(), nil }
	return t
}
