//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// asker is one connection. It sends a question and reads the whole reply, which is valid
// until the next one; it does not look into it.
type asker interface {
	ask(question []byte) (reply []byte, err error)
	close()
}

// httpConn speaks HTTP/1.1 with as little work of its own as can be: questions are made
// beforehand, head and body.
type httpConn struct {
	c     net.Conn
	in    *bufio.Reader
	reply bytes.Buffer
	head  http.Header // of the last reply
}

func dialHTTP(address string) (asker, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		return nil, err
	}
	return &httpConn{c: c, in: bufio.NewReaderSize(c, 64<<10)}, nil
}

func (h *httpConn) close() { h.c.Close() }

func (h *httpConn) ask(question []byte) ([]byte, error) {
	if _, err := h.c.Write(question); err != nil {
		return nil, err
	}
	r, err := http.ReadResponse(h.in, nil)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	h.head = r.Header
	h.reply.Reset()
	if r.ContentLength > 0 {
		h.reply.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	if _, err := h.reply.ReadFrom(r.Body); err != nil {
		return nil, err
	}
	switch r.StatusCode {
	case http.StatusOK:
		return h.reply.Bytes(), nil
	case http.StatusTooManyRequests:
		return nil, errBusy
	}
	return nil, fmt.Errorf("%s: %.300s", r.Status, h.reply.Bytes())
}

// errBusy says that the server had too much to do.
var errBusy = errors.New("the server refused: it has too much to do")

// post makes a question of HTTP.
func post(address, path, token, kind string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nAccept: %s\r\nContent-Length: %d\r\n", path,
		strings.TrimPrefix(address, "http://"), kind, kind, len(body))
	if token != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", token)
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// grpcConn calls one unary method of gRPC over one connection of HTTP/2 without TLS.
type grpcConn struct {
	transport *http.Transport
	head      http.Header
	url       *url.URL
	reply     bytes.Buffer
}

func dialGRPC(address, method, token string) (asker, error) {
	u, err := url.Parse(address + method)
	if err != nil {
		return nil, err
	}
	p := &http.Protocols{}
	p.SetUnencryptedHTTP2(true)
	g := &grpcConn{url: u, transport: &http.Transport{Protocols: p, TLSClientConfig: &tls.Config{}}}
	g.head = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}}
	if token != "" {
		g.head["Authorization"] = []string{"Bearer " + token}
	}
	return g, nil
}

func (g *grpcConn) close() { g.transport.CloseIdleConnections() }

func (g *grpcConn) ask(question []byte) ([]byte, error) {
	r := (&http.Request{Method: http.MethodPost, URL: g.url, Header: g.head, ContentLength: int64(len(question)),
		Body: io.NopCloser(bytes.NewReader(question))}).WithContext(context.Background())
	a, err := g.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	g.reply.Reset()
	if _, err := g.reply.ReadFrom(a.Body); err != nil {
		return nil, err
	}
	code := a.Trailer.Get("Grpc-Status") + a.Header.Get("Grpc-Status")
	const exhausted = "8" // google.rpc.Code
	if code == exhausted {
		return nil, errBusy
	}
	if a.StatusCode != http.StatusOK || code != "0" {
		return nil, fmt.Errorf("HTTP %d, gRPC %s: %s%s", a.StatusCode, code, a.Trailer.Get("Grpc-Message"), a.Header.Get("Grpc-Message"))
	}
	b := g.reply.Bytes()
	if len(b) < 5 || b[0] != 0 || int(binary.BigEndian.Uint32(b[1:])) != len(b)-5 {
		return nil, fmt.Errorf("a reply of %d bytes is no message", len(b))
	}
	return b[5:], nil
}

// framed puts gRPC's head before a message.
func framed(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}
