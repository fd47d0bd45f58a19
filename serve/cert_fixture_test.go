package serve

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"quern/serve/access"
)

// authority issues certificates for tests.
type authority struct {
	leaf *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// valid is when a certificate is good.
type valid struct{ from, until time.Time }

func hourly() valid { return valid{time.Now().Add(-time.Minute), time.Now().Add(time.Hour)} }

func expired() valid { return valid{time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)} }

func newAuthority(t testing.TB) *authority {
	a := &authority{}
	template := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.leaf, a.key, a.pem, _ = a.issue(t, template, hourly())
	return a
}

// issue signs a certificate for a new key; the first one by itself.
func (a *authority) issue(t testing.TB, c *x509.Certificate, v valid) (leaf *x509.Certificate, key *ecdsa.PrivateKey, cert, private []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	c.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	check(t, err)
	c.NotBefore, c.NotAfter = v.from, v.until
	parent, by := a.leaf, a.key
	if parent == nil {
		parent, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	check(t, err)
	leaf, err = x509.ParseCertificate(der)
	check(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	return leaf, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// client returns the certificate of a client with names: URIs, and hosts.
func (a *authority) client(t testing.TB, v valid, names ...string) *tls.Certificate {
	c := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, name := range names {
		if !strings.Contains(name, ":") {
			c.DNSNames = append(c.DNSNames, name)
			continue
		}
		u, err := url.Parse(name)
		check(t, err)
		c.URIs = append(c.URIs, u)
	}
	_, _, cert, key := a.issue(t, c, v)
	pair, err := tls.X509KeyPair(cert, key)
	check(t, err)
	return &pair
}

// server writes the files of a server on this machine, and of the clients' authority.
func (a *authority) server(t testing.TB, dir string) access.CertificateFiles {
	_, _, cert, key := a.issue(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, hourly())
	f := access.CertificateFiles{Cert: dir + "/tls.crt", Key: dir + "/tls.key", Clients: dir + "/ca.crt"}
	for path, text := range map[string][]byte{f.Cert: cert, f.Key: key, f.Clients: a.pem} {
		check(t, os.WriteFile(path, text, 0o600))
	}
	return f
}
