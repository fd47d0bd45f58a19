package rpc

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"

	"quern/shard/rpc/identity"
)

// gate is what every request passes when its headers have come and its body has not.
type gate struct {
	table     map[string]rule
	secure    bool // callers show certificates; else tokens
	rates     rates
	receiving slots // bodies on their way
	room      [classes]slots

	mu     sync.RWMutex
	tokens []token
}

// token is a secret, as its digest, and whom it makes its bearer.
type token struct {
	digest    [sha256.Size]byte
	principal identity.Principal
}

// pass is what a request got at the gate.
type pass struct {
	principal identity.Principal
	class     class
	received  func() // the request is here
}

// passKey finds the pass of a request in its context.
type passKey struct{}

// passOf returns the pass of a request; nil if it never came through the gate.
func passOf(ctx context.Context) *pass {
	p, _ := ctx.Value(passKey{}).(*pass)
	return p
}

// enter lets a request through, or not. It holds up its connection, so it is quick.
func (g *gate) enter(ctx context.Context, info *tap.Info) (context.Context, error) {
	p, host, err := g.identify(ctx)
	if err != nil {
		return ctx, err
	}
	r, known := g.table[info.FullMethodName]
	if !known || !r.allows(p.Role) {
		return ctx, refuse(codes.PermissionDenied, ReasonMethod, "", "the caller's role may not call this method")
	}
	caller := p.ID + " " + host
	if wait, ok := g.rates.take(caller); !ok {
		return ctx, exhausted(ReasonRate, "too many calls a second", wait)
	}
	free := g.room[r.class].take(caller)
	if free == nil {
		return ctx, exhausted(ReasonRoom, "too many calls of this kind are under way", retryAfter)
	}
	received := func() {}
	if r.class != bringing { // whose messages are read one by one, within the budget
		if received = g.receiving.take(caller); received == nil {
			free()
			return ctx, exhausted(ReasonRoom, "too many requests are on their way", retryAfter/10)
		}
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, passKey{}, &pass{p, r.class, received}), r.limit)
	context.AfterFunc(ctx, func() { // the call ended, or its time is up
		cancel()
		received()
		free()
	})
	return ctx, nil
}

// identify returns who the caller is, and its host.
func (g *gate) identify(ctx context.Context) (p identity.Principal, host string, err error) {
	who, ok := peer.FromContext(ctx)
	if !ok {
		return p, "", refuse(codes.Unauthenticated, ReasonIdentity, "", "the caller has no address")
	}
	host = who.Addr.String()
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if !g.secure {
		p, err = g.bearer(ctx)
		return p, host, err
	}
	secured, ok := who.AuthInfo.(credentials.TLSInfo)
	if !ok || len(secured.State.VerifiedChains) == 0 {
		return p, host, refuse(codes.Unauthenticated, ReasonIdentity, "", "the caller shows no certificate")
	}
	leaf := secured.State.PeerCertificates[0]
	if time.Now().After(leaf.NotAfter) { // while the connection was open
		return p, host, refuse(codes.Unauthenticated, ReasonIdentity, "", "the caller's certificate expired")
	}
	if p, err = identity.FromCertificate(leaf); err != nil {
		return p, host, refuse(codes.Unauthenticated, ReasonIdentity, "", "the caller's certificate names no principal of quern")
	}
	return p, host, nil
}

// bearer returns whom a token stands for. All tokens are compared, in constant time.
func (g *gate) bearer(ctx context.Context) (p identity.Principal, err error) {
	md, _ := metadata.FromIncomingContext(ctx)
	found := false
	if values := md.Get("authorization"); len(values) == 1 {
		secret, bears := strings.CutPrefix(values[0], bearerPrefix)
		digest := sha256.Sum256([]byte(secret))
		g.mu.RLock()
		defer g.mu.RUnlock()
		for i := range g.tokens {
			if subtle.ConstantTimeCompare(g.tokens[i].digest[:], digest[:]) == 1 && bears {
				p, found = g.tokens[i].principal, true
			}
		}
	}
	if !found {
		return p, refuse(codes.Unauthenticated, ReasonIdentity, "", "the caller shows no token that is known here")
	}
	return p, nil
}

// bearerPrefix is what the header of a token begins with.
const bearerPrefix = "Bearer "

// grant makes the bearer of a secret a principal, from the next call on.
func (g *gate) grant(secret string, p identity.Principal) {
	digest := sha256.Sum256([]byte(secret))
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.tokens {
		if g.tokens[i].digest == digest {
			g.tokens[i].principal = p
			return
		}
	}
	g.tokens = append(g.tokens, token{digest, p})
}

// revoke makes a secret worthless.
func (g *gate) revoke(secret string) {
	digest := sha256.Sum256([]byte(secret))
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.tokens {
		if g.tokens[i].digest == digest {
			last := len(g.tokens) - 1
			g.tokens[i] = g.tokens[last]
			g.tokens = g.tokens[:last]
			return
		}
	}
}
