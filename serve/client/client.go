package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"quern/features/diag"
)

// Options say how a server is asked. Zero fields are the defaults.
type Options struct {
	Token string      // shown with every call; "": none
	TLS   *tls.Config // of https addresses: authorities, and the client's certificate; nil: the system's
	// PlainToken lets the token go to other machines without TLS, where something else
	// keeps it secret on its way. Without it New refuses that.
	PlainToken bool

	Timeout     time.Duration // of a call whose context has no deadline, tries and waits included; 0: 10 s
	Retries     int           // further tries; 0: 3; negative: none
	Wait        time.Duration // before the first of them; each next one waits twice as long; 0: 50 ms
	Connections int           // that are kept open while nothing is asked; 0: 64
	MaxReply    int64         // bytes of a reply; 0: 256 MiB

	Transport http.RoundTripper // in place of the client's own; nil: that
}

// Client asks one server. It keeps connections open, and may be used by any number of
// goroutines.
type Client struct {
	o    Options
	base string
	http *http.Client
}

// New returns a client of the server at an address, like https://features:6566. It does
// not connect yet. An address that is none, and one that would carry the token in plain text
// to another machine, is Q695.
func New(address string, o Options) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		return nil, diag.New("Q695", "%q is no address of a server", address).WithHint("http://HOST:PORT or https://HOST:PORT")
	}
	if u.Scheme == "http" && o.Token != "" && !o.PlainToken && !loopback(u.Hostname()) {
		return nil, diag.New("Q695", "the token would go to %s in plain text, and everybody on the way could use it", u.Host).
			WithHint("use https")
	}
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.Retries = max(0, cmp.Or(o.Retries, 3))
	o.Wait = cmp.Or(o.Wait, 50*time.Millisecond)
	o.MaxReply = cmp.Or(o.MaxReply, 256<<20)
	if o.Transport == nil {
		n := cmp.Or(o.Connections, 64)
		o.Transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSClientConfig:     o.TLS,
			TLSHandshakeTimeout: 5 * time.Second,
			ForceAttemptHTTP2:   true,
			MaxIdleConns:        n,
			MaxIdleConnsPerHost: n,
			IdleConnTimeout:     4 * time.Minute, // the server's is five
			DisableCompression:  true,
		}
	}
	for len(u.Path) > 0 && u.Path[len(u.Path)-1] == '/' {
		u.Path = u.Path[:len(u.Path)-1]
	}
	return &Client{o: o, base: u.String(), http: &http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a token goes to nobody else
	}}}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Close closes the connections that nothing is asked over.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Health returns nil while the server serves something and takes requests.
func (c *Client) Health(ctx context.Context) error {
	_, err := c.call(ctx, &call{method: http.MethodGet, path: "/health"})
	return err
}

// call is one call of the server.
type call struct {
	method, path string
	kind, accept string // media types of the body and of the reply
	body         []byte
}

// reply is what came back.
type reply struct {
	kind string
	body []byte
}

// call makes a call, as often as it makes sense.
func (c *Client) call(ctx context.Context, one *call) (*reply, error) {
	if _, ok := ctx.Deadline(); !ok {
		limited, cancel := context.WithTimeout(ctx, c.o.Timeout)
		defer cancel()
		ctx = limited
	}
	wait := c.o.Wait
	for try := 0; ; try++ {
		r, err := c.once(ctx, one)
		again, after := transient(err)
		if err == nil || !again || try == c.o.Retries || ctx.Err() != nil {
			return r, err
		}
		// Between a half and all of the time: clients that were refused together do not
		// come back together. What the server asks for is the least.
		pause := wait/2 + rand.N(wait/2+1)
		if after > 0 {
			pause = after + rand.N(after/4+1)
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
			return nil, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("%w: %w", ctx.Err(), err)
		}
		wait = min(2*wait, 5*time.Second)
	}
}

// transient reports whether a call that failed so may succeed soon, and when the server
// says that is; 0: it does not.
func transient(err error) (again bool, after time.Duration) {
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Status == http.StatusTooManyRequests || refused.Status == http.StatusServiceUnavailable, refused.RetryAfter
	}
	var known *diag.Error
	return errors.As(err, &known) && known.Code == "Q693", 0
}

// once makes a call once.
func (c *Client) once(ctx context.Context, one *call) (*reply, error) {
	r, err := http.NewRequestWithContext(ctx, one.method, c.base+one.path, bytes.NewReader(one.body))
	if err != nil {
		return nil, diag.New("Q695", "%s cannot be asked for", one.path).Because(err)
	}
	if c.o.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.o.Token)
	}
	if one.kind != "" {
		r.Header.Set("Content-Type", one.kind)
	}
	if one.accept != "" {
		r.Header.Set("Accept", one.accept)
	}
	a, err := c.http.Do(r)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	defer a.Body.Close()
	body, err := c.read(a)
	if err != nil {
		return nil, err
	}
	if a.StatusCode != http.StatusOK {
		return nil, refusal(a, body)
	}
	return &reply{kind: a.Header.Get("Content-Type"), body: body}, nil
}

// unreachable is the error of a call that has no reply.
func (c *Client) unreachable(ctx context.Context, err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err // the address is in our own words
	}
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	return diag.New("Q693", "%s did not answer", c.base).Because(err)
}

// read reads a reply whole.
func (c *Client) read(a *http.Response) ([]byte, error) {
	if a.ContentLength > c.o.MaxReply {
		return nil, diag.New("Q694", "the reply has %s bytes, more than %d", strconv.FormatInt(a.ContentLength, 10), c.o.MaxReply)
	}
	var b bytes.Buffer
	if a.ContentLength > 0 {
		b.Grow(int(a.ContentLength) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(a.Body, c.o.MaxReply+1))
	switch {
	case err != nil:
		return nil, c.unreachable(a.Request.Context(), err)
	case n > c.o.MaxReply:
		return nil, diag.New("Q694", "the reply has more than %d bytes", c.o.MaxReply)
	}
	return b.Bytes(), nil
}
