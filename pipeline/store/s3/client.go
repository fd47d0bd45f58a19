package s3

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"quern/features/diag"
)

// Options say which server is spoken to, and how patiently. The zero value is Amazon's
// with the keys of the usual places; see FromEnvironment.
type Options struct {
	Endpoint string // URL of the server; "": Amazon's
	Region   string // "": the server is asked where the bucket is
	Key      string // "": looked for in the environment, the shared files, the machine's role
	Secret   string
	// PathStyle puts the bucket into the path and not into the host's name. Servers that
	// are not Amazon's mostly want that, so it is the rule where Endpoint is given.
	PathStyle bool
	// Authorities is a file of certificates (PEM) that are trusted besides the system's.
	Authorities string

	Attempts int           // of one request, at most; 0: 8
	Pause    time.Duration // before the second attempt, on average half of that; 0: 200 ms
	Timeout  time.Duration // of a request without its bytes; 0: 30 s
	PartSize int           // bytes of the first parts of an upload; 0: 8 MiB, the least is 5 MiB
}

// slowest is the rate, in bytes per second, below which a transfer is given up.
const slowest = 256 << 10

// transfer returns how long a request with n bytes may take.
func (o *Options) transfer(n int) time.Duration {
	return o.Timeout + time.Duration(n)*time.Second/slowest
}

// FromEnvironment returns the options that the variables of Amazon's tools give:
// AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_REGION or AWS_DEFAULT_REGION (or the shared
// configuration's), AWS_CA_BUNDLE. QUERN_S3_PATH_STYLE=0 puts the bucket into the host's
// name for servers that are not Amazon's.
func FromEnvironment() Options {
	first := func(names ...string) string {
		for _, n := range names {
			if v := os.Getenv(n); v != "" {
				return v
			}
		}
		return ""
	}
	o := Options{Endpoint: first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"), Authorities: first("AWS_CA_BUNDLE")}
	if o.Region = first("AWS_REGION", "AWS_DEFAULT_REGION"); o.Region == "" {
		o.Region = sharedRegion(first("AWS_CONFIG_FILE"), first("AWS_PROFILE"))
	}
	o.PathStyle = o.Endpoint != "" && os.Getenv("QUERN_S3_PATH_STYLE") != "0"
	return o
}

// sharedRegion returns the region of a profile in Amazon's shared configuration, or "".
func sharedRegion(path, profile string) string {
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		path = filepath.Join(home, ".aws", "config")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	wanted := "[profile " + profile + "]"
	if profile == "" || profile == "default" {
		wanted = "[default]"
	}
	inside := false
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			inside = line == wanted
		}
		if key, value, ok := strings.Cut(line, "="); ok && inside && strings.TrimSpace(key) == "region" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Client makes the stores of one server, which share their connections. It is safe for
// concurrent use.
type Client struct {
	o    Options
	once sync.Once
	made minio.Core
	err  error
}

// NewClient returns a client, which looks for its keys when it makes its first request.
func NewClient(o Options) *Client {
	if o.Attempts == 0 {
		o.Attempts = 8
	}
	if o.Pause == 0 {
		o.Pause = 200 * time.Millisecond
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.PartSize == 0 {
		o.PartSize = 8 << 20
	}
	o.PartSize = max(o.PartSize, leastPart)
	return &Client{o: o}
}

// core returns the connection to the server, made once.
func (c *Client) core() (minio.Core, error) {
	c.once.Do(func() { c.made, c.err = c.o.connect() })
	return c.made, c.err
}

// connect makes the library's client. It never repeats a request by itself: what may be
// repeated, and what an answer that is lost means, is decided in this package.
func (o *Options) connect() (minio.Core, error) {
	host, secure, region := "s3.amazonaws.com", true, o.Region
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
			return minio.Core{}, diag.New("Q440", "the object store's address %q is not of the form https://host:port", o.Endpoint).Because(err).
				WithHint("see AWS_ENDPOINT_URL")
		}
		host, secure = u.Host, u.Scheme == "https"
		if region == "" {
			region = "us-east-1" // what servers that have no regions call theirs
		}
	}
	transport, err := o.transport()
	if err != nil {
		return minio.Core{}, err
	}
	lookup := minio.BucketLookupAuto
	if o.PathStyle {
		lookup = minio.BucketLookupPath
	} else if o.Endpoint != "" {
		lookup = minio.BucketLookupDNS
	}
	core, err := minio.NewCore(host, &minio.Options{Creds: o.credentials(), Secure: secure, Transport: transport,
		Region: region, BucketLookup: lookup, MaxRetries: 1})
	if err != nil {
		return minio.Core{}, diag.New("Q440", "the object store's address %q cannot be used", o.Endpoint).Because(err)
	}
	core.SetAppInfo("quern", "1")
	return *core, nil
}

// transport returns how requests travel.
func (o *Options) transport() (http.RoundTripper, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: min(o.Timeout, 10*time.Second), KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   min(o.Timeout, 10*time.Second),
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       time.Minute,
		ExpectContinueTimeout: 10 * time.Second,
		DisableCompression:    true, // bytes as they are stored
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if o.Authorities == "" {
		return t, nil
	}
	text, err := os.ReadFile(o.Authorities)
	roots, poolErr := x509.SystemCertPool()
	if poolErr != nil {
		roots = x509.NewCertPool()
	}
	if err != nil || !roots.AppendCertsFromPEM(text) {
		return nil, diag.New("Q440", "%s holds no certificates", o.Authorities).Because(err).WithHint("see AWS_CA_BUNDLE")
	}
	t.TLSClientConfig.RootCAs = roots
	return t, nil
}

// credentials returns where keys come from: given, else the first of the usual places
// that has one.
func (o *Options) credentials() *credentials.Credentials {
	if o.Key != "" {
		return credentials.NewStaticV4(o.Key, o.Secret, "")
	}
	places := []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}}
	if os.Getenv("AWS_EC2_METADATA_DISABLED") != "true" {
		quick := &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: time.Second}).DialContext}
		places = append(places, &credentials.IAM{Client: &http.Client{Transport: quick, Timeout: 10 * time.Second}, Region: o.Region})
	}
	return credentials.New(&found{Chain: credentials.Chain{Providers: places}})
}

// errNoKeys says that no place has a key.
var errNoKeys = errors.New("no key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in ~/.aws/credentials, or of this machine's role")

// found is a chain of places that is not content with none: requests without a signature
// would be denied one by one, for a reason that nobody would guess.
type found struct {
	credentials.Chain
	none error // was looked for and not found: the machine's role takes a while to ask for
}

// RetrieveWithCredContext returns the keys.
func (f *found) RetrieveWithCredContext(c *credentials.CredContext) (credentials.Value, error) {
	if f.none != nil {
		return credentials.Value{}, f.none
	}
	v, err := f.Chain.RetrieveWithCredContext(c)
	if err == nil && v.AccessKeyID == "" {
		f.none = errNoKeys
		err = errNoKeys
	}
	return v, err
}

// Retrieve returns the keys.
func (f *found) Retrieve() (credentials.Value, error) { return f.RetrieveWithCredContext(nil) }
