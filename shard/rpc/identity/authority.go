package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// How long certificates are good for, unless told otherwise: an authority outlives its
// job by far; whoever it vouches for does a job of hours or days.
const (
	AuthorityLife = 90 * 24 * time.Hour
	LeafLife      = 7 * 24 * time.Hour
	skew          = 5 * time.Minute // that clocks may differ
)

// Validity is when a certificate is good.
type Validity struct{ From, Until time.Time }

// For returns the validity from now, less a little for clocks that differ.
func For(life time.Duration) Validity {
	now := time.Now()
	return Validity{now.Add(-skew), now.Add(life)}
}

// Authority issues the certificates of one installation: of coordinators, workers and
// operators. Its key is ECDSA on P-256.
type Authority struct {
	leaf *x509.Certificate
	key  *ecdsa.PrivateKey
	pair Pair
}

// Pair is a certificate, its key and its authority's certificate, in PEM.
type Pair struct{ Cert, Key, CA []byte }

// The files of a pair, as Kubernetes names them in a secret of type kubernetes.io/tls.
const (
	CertFile = "tls.crt"
	KeyFile  = "tls.key"
	CAFile   = "ca.crt"
)

// NewAuthority makes an authority with a new key.
func NewAuthority(valid Validity) (*Authority, error) {
	a := &Authority{}
	t := &x509.Certificate{Subject: pkix.Name{CommonName: "quern authority"}, IsCA: true, BasicConstraintsValid: true,
		MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign}
	var err error
	a.leaf, a.key, a.pair, err = issue(t, valid, nil, nil)
	return a, err
}

// LoadAuthority reads what Save wrote.
func LoadAuthority(folder string) (*Authority, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, CertFile), filepath.Join(folder, KeyFile))
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("%s holds no authority of quern", folder)
	}
	cert := encode("CERTIFICATE", pair.Certificate[0])
	return &Authority{pair.Leaf, key, Pair{Cert: cert, CA: cert}}, nil
}

// CA returns the certificate of the authority in PEM.
func (a *Authority) CA() []byte { return a.pair.Cert }

// Save writes the authority into a folder: whoever can read it can be anybody.
func (a *Authority) Save(folder string) error {
	if a.pair.Key == nil {
		return errors.New("an authority that was loaded is saved already")
	}
	return a.pair.Save(folder)
}

// Server issues the certificate of a coordinator that is reached by hosts, names or
// addresses.
func (a *Authority) Server(hosts []string, valid Validity) (Pair, error) {
	if len(hosts) == 0 {
		return Pair{}, errors.New("a coordinator's certificate needs the names or addresses that it is reached by")
	}
	t := &x509.Certificate{Subject: pkix.Name{CommonName: "quern coordinator"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	_, _, pair, err := issue(t, valid, a.leaf, a.key)
	return pair, err
}

// Client issues the certificate of a principal, whose ID plays no part.
func (a *Authority) Client(p Principal, valid Validity) (Pair, error) {
	if _, err := ParseURI(p.URI()); err != nil {
		return Pair{}, err
	}
	return a.Name(p.URI(), valid)
}

// Name issues a client certificate with any URI, also one that names nobody: it is for
// other names that an installation uses, and for tests.
func (a *Authority) Name(uri string, valid Validity) (Pair, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return Pair{}, err
	}
	t := &x509.Certificate{Subject: pkix.Name{CommonName: "quern client"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, URIs: []*url.URL{u}}
	_, _, pair, err := issue(t, valid, a.leaf, a.key)
	return pair, err
}

// issue makes a key and signs a certificate for it; without an authority, by itself.
func issue(t *x509.Certificate, valid Validity, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, Pair, error) {
	fail := func(err error) (*x509.Certificate, *ecdsa.PrivateKey, Pair, error) { return nil, nil, Pair{}, err }
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fail(err)
	}
	if t.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return fail(err)
	}
	t.NotBefore, t.NotAfter = valid.From, valid.Until
	if parent == nil {
		parent, by = t, key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, by)
	if err != nil {
		return fail(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return fail(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fail(err)
	}
	pair := Pair{Cert: encode("CERTIFICATE", der), Key: encode("PRIVATE KEY", private)}
	pair.CA = pair.Cert
	if parent != t {
		pair.CA = encode("CERTIFICATE", parent.Raw)
	}
	return leaf, key, pair, nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// Save writes a pair into a folder, each file whole and readable by its owner only. A
// folder that holds a pair is written over, so that a running process takes the new one.
func (p *Pair) Save(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{CAFile, p.CA}, {KeyFile, p.Key}, {CertFile, p.Cert}} {
		path := filepath.Join(folder, f.name)
		if err := replace(path, f.data); err != nil {
			return err
		}
	}
	return nil
}

// replace puts data at path with mode 0600, whole or not at all.
func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
