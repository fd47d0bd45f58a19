package serve

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"strings"
	"testing"

	"quern/serve/access"
)

// TestCertificatesReload: handshakes after a replacement use the new files, also for the
// clients' authorities; files that do not belong together leave the old ones in force.
func TestCertificatesReload(t *testing.T) {
	dir := t.TempDir()
	one, two := newAuthority(t), newAuthority(t)
	files := one.server(t, dir)
	c, err := access.ReadCertificates(files)
	check(t, err)
	r := twoViews(t, func(config *Config) { config.TLS = c.TLS() }).start(t)
	url := strings.Replace(r.url, "http:", "https:", 1) + "/health"
	ask := func(server, client *authority, good bool) {
		t.Helper()
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(server.pem)
		own := client.client(t, hourly(), "spiffe://example.org/x")
		h := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots,
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }}}}
		defer h.CloseIdleConnections()
		reply, err := h.Get(url)
		if (err == nil) != good {
			t.Errorf("%v %v", reply, err)
		}
		if err == nil {
			reply.Body.Close()
		}
	}
	reload := func(changed, fails bool) {
		t.Helper()
		if did, err := c.Reload(); did != changed || (err != nil) != fails {
			t.Errorf("changed %v, %v", did, err)
		}
	}
	ask(one, one, true)
	ask(one, two, false)
	key, err := os.ReadFile(files.Key)
	check(t, err)
	two.server(t, dir)
	next, err := os.ReadFile(files.Key)
	check(t, err)
	check(t, os.WriteFile(files.Key, key, 0o600)) // the replacement is half done
	reload(false, true)
	reload(false, false)
	ask(one, one, true)
	check(t, os.WriteFile(files.Key, next, 0o600))
	reload(true, false)
	ask(two, two, true)
	ask(two, one, false)
	check(t, os.WriteFile(files.Clients, []byte("none"), 0o600))
	reload(false, true)
	check(t, os.Remove(files.Cert))
	reload(false, true)
	ask(two, two, true)
	for _, f := range []access.CertificateFiles{{}, {Cert: files.Cert, Key: files.Key}, {Cert: files.Clients, Key: files.Key}} {
		if _, err := access.ReadCertificates(f); err == nil || !strings.Contains(err.Error(), "Q503") {
			t.Errorf("%v: %v", f, err)
		}
	}
}
