package rpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"

	"quern/shard/proto"
	"quern/shard/record"
	"quern/shard/rpc/identity"
)

// messages returns what an honest caller sends to a method, of job 1 and shard 3.
func messages(t *testing.T, method string) []any {
	job, partial := record.Job{1}, []byte("statistic")
	r := proposal(job, 0, 3, partial)
	claim, err := record.ParseClaim(r.Claim, job, 0, 3)
	if err != nil {
		t.Fatal(err)
	}
	header := &proto.PartialHeader{Job: job[:], Shard: 3, Attempt: claim.Attempt[:], Size: uint64(len(partial)), Sha256: claim.Files[0].SHA256[:]}
	known := map[string][]any{
		"OpenJob": {&proto.OpenJobRequest{Job: job[:], Protocol: 1}},
		"SubmitPartial": {&proto.SubmitPartialRequest{Part: &proto.SubmitPartialRequest_Header{Header: header}},
			&proto.SubmitPartialRequest{Part: &proto.SubmitPartialRequest_Chunk{Chunk: partial}}},
		"ProposeCommit": {&proto.ProposeCommitRequest{Job: job[:], Shard: 3, Claim: r.Claim}},
		"WaitFitted":    {&proto.WaitFittedRequest{Job: job[:]}},
		"Progress":      {&proto.ProgressRequest{Job: job[:]}},
		"Cancel":        {&proto.CancelRequest{Job: job[:], Reason: "no more"}},
		"Check":         {&healthpb.HealthCheckRequest{}},
		"List":          {&healthpb.HealthListRequest{}},
		"Watch":         {&healthpb.HealthCheckRequest{}},
	}
	m, ok := known[method[strings.LastIndex(method, "/")+1:]]
	if !ok {
		t.Fatalf("%s: this test does not know what an honest caller sends: add it", method)
	}
	return m
}

// attempt calls a method and returns its error; nil if anything came back.
func attempt(cc *grpc.ClientConn, path string, send []any, pairs ...string) error {
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), pairs...), 5*time.Second)
	defer cancel()
	stream, err := cc.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, path)
	if err != nil {
		return err
	}
	for _, m := range send {
		if stream.SendMsg(m) != nil {
			break // the answer tells why
		}
	}
	stream.CloseSend()
	if err := stream.RecvMsg(&emptypb.Empty{}); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// cell is one way to be somebody else.
type cell struct {
	name  string
	conn  *grpc.ClientConn
	pairs []string                   // metadata
	path  func(method string) string // nil: as it is
	skip  func(method string) bool   // the cell means nothing for the method
	code  codes.Code                 // that denies
}

// matrix is a server and the ways to call it.
type matrix struct {
	t       *testing.T
	server  *Server
	job     *toy
	dialer  grpc.DialOption
	allowed func(method string) (*grpc.ClientConn, []string) // the control row
	cells   []cell
}

func newMatrix(t *testing.T, o ServerOptions) *matrix {
	m := &matrix{t: t, job: learning(1)}
	m.job.at.Done = true
	o.Patience, o.PerSecond = 10*time.Millisecond, 1e6
	var l *bufconn.Listener
	m.server, l = serve(t, o, m.job, &toy{id: record.Job{2}})
	m.dialer = grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) })
	return m
}

func (m *matrix) conn(c credentials.TransportCredentials) *grpc.ClientConn {
	cc, err := grpc.NewClient("passthrough:///127.0.0.1:1", grpc.WithTransportCredentials(c), m.dialer)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { cc.Close() })
	return cc
}

// methods are the full names of all that is registered.
func (m *matrix) methods() (names []string) {
	for service, info := range m.server.grpc.GetServiceInfo() {
		for _, method := range info.Methods {
			names = append(names, "/"+service+"/"+method.Name)
		}
	}
	slices.Sort(names)
	return names
}

// may says who may call what: the rules once more, so that a slip in the server's table is
// one that the matrix sees.
func (m *matrix) may(method string) []identity.Role {
	workers, operators := []identity.Role{identity.Worker}, []identity.Role{identity.Operator}
	who, ok := map[string][]identity.Role{
		"OpenJob": {identity.Worker, identity.Operator}, "Check": {identity.Worker, identity.Operator},
		"SubmitPartial": workers, "ProposeCommit": workers, "WaitFitted": workers,
		"Progress": operators, "Cancel": operators, "List": operators, "Watch": operators,
	}[method[strings.LastIndex(method, "/")+1:]]
	if !ok {
		m.t.Fatalf("%s: this test does not know who may call it: add it", method)
	}
	return who
}

// role is one that may call a method.
func (m *matrix) role(method string) identity.Role { return m.may(method)[0] }

// other is the role that may not; "" if both may.
func (m *matrix) other(method string) identity.Role {
	for _, role := range []identity.Role{identity.Worker, identity.Operator} {
		if !slices.Contains(m.may(method), role) {
			return role
		}
	}
	return ""
}

// Cells that mean nothing for some methods.
func noJob(method string) bool { return strings.Contains(method, "Health") }
func noShard(method string) bool {
	return !strings.HasSuffix(method, "SubmitPartial") && !strings.HasSuffix(method, "ProposeCommit")
}

// paths are ways to write a method that is not registered like that.
func (m *matrix) paths(conn func(method string) (*grpc.ClientConn, []string)) (cells []cell) {
	for name, path := range map[string]func(string) string{
		"path without slash":  func(s string) string { return s[1:] },
		"path with two":       func(s string) string { return "/" + s },
		"path in small":       strings.ToLower,
		"path with more":      func(s string) string { return s + "/" },
		"path of other":       func(s string) string { return s + "2" },
		"path with a percent": func(s string) string { return strings.Replace(s, "/", "%2f", 1) },
	} {
		for _, method := range m.methods() {
			c, pairs := conn(method)
			cells = append(cells, cell{name: name, conn: c, pairs: pairs, path: path, code: codes.PermissionDenied,
				skip: func(of string) bool { return of != method }})
		}
	}
	return cells
}

// check runs all cells for all methods, and the control row before and after.
func (m *matrix) check() (count int) {
	control := func() {
		for _, method := range m.methods() {
			conn, pairs := m.allowed(method)
			if err := attempt(conn, method, messages(m.t, method), pairs...); err != nil {
				m.t.Errorf("%s: an honest caller gets %v", method, err)
			}
		}
	}
	control()
	before := len(m.job.requests())
	for _, c := range m.cells {
		for _, method := range m.methods() {
			if c.skip != nil && c.skip(method) {
				continue
			}
			path := method
			if c.path != nil {
				path = c.path(method)
			}
			count++
			err := attempt(c.conn, path, messages(m.t, method), c.pairs...)
			if got := status.Code(err); got != c.code {
				m.t.Errorf("%s: %s: %v (%v), want %v", c.name, path, got, err, c.code)
			}
			if reason, _ := Reason(err); reason == "" && c.code != codes.Unavailable {
				m.t.Errorf("%s: %s: %v has no reason", c.name, path, err)
			}
		}
	}
	if n := len(m.job.requests()); n != before {
		m.t.Errorf("%d requests came to the coordinator from callers that were denied", n-before)
	}
	control()
	return count
}

func TestAccessByToken(t *testing.T) {
	m := newMatrix(t, ServerOptions{})
	conn := m.conn(insecure.NewCredentials())
	bearer := func(secret string) []string { return []string{"authorization", "Bearer " + secret} }
	m.allowed = func(method string) (*grpc.ClientConn, []string) {
		if m.role(method) == identity.Worker {
			return conn, bearer(workerToken)
		}
		return conn, bearer(operatorToken)
	}
	add := func(name string, code codes.Code, skip func(string) bool, pairs ...string) {
		m.cells = append(m.cells, cell{name: name, conn: conn, pairs: pairs, skip: skip, code: code})
	}
	unknown := codes.Unauthenticated
	add("no token", unknown, nil)
	add("empty token", unknown, nil, "authorization", "Bearer ")
	add("no scheme", unknown, nil, "authorization", workerToken)
	add("other scheme", unknown, nil, "authorization", "Basic "+workerToken)
	add("scheme in small", unknown, nil, "authorization", "bearer "+workerToken)
	add("wrong token", unknown, nil, bearer(strings.Repeat("x", len(workerToken)))...)
	add("longer token", unknown, nil, bearer(workerToken+"x")...)
	add("shorter token", unknown, nil, bearer(workerToken[:len(workerToken)-1])...)
	add("two tokens", unknown, nil, append(bearer(workerToken), bearer(operatorToken)...)...)
	add("other header", unknown, nil, "x-authorization", "Bearer "+workerToken)
	m.server.Grant("a token of the past, revoked", identity.Principal{ID: "r", Role: identity.Worker, AnyJob: true, Shards: identity.AllShards()})
	m.server.Revoke("a token of the past, revoked")
	add("revoked token", unknown, nil, bearer("a token of the past, revoked")...)
	for _, role := range []identity.Role{identity.Worker, identity.Operator} {
		grant := func(name string, p identity.Principal) []string {
			p.ID, p.Role = name, role
			m.server.Grant(name+string(role)+" long enough", p)
			return bearer(name + string(role) + " long enough")
		}
		mine := func(method string) bool { return m.role(method) != role }
		add("other job", codes.PermissionDenied, func(s string) bool { return mine(s) || noJob(s) },
			grant("other", identity.Principal{Job: record.Job{2}, Shards: identity.AllShards()})...)
		add("job of none", codes.PermissionDenied, func(s string) bool { return mine(s) || noJob(s) }, grant("none", identity.Principal{Shards: identity.AllShards()})...)
		add("other shards", codes.PermissionDenied, func(s string) bool { return mine(s) || noShard(s) },
			grant("shards", identity.Principal{AnyJob: true, Shards: identity.Shards{{First: 0, Last: 2}, {First: 4, Last: 99}}})...)
		add("no shards", codes.PermissionDenied, func(s string) bool { return mine(s) || noShard(s) }, grant("empty", identity.Principal{AnyJob: true})...)
		add("wrong role", codes.PermissionDenied, func(s string) bool { return m.other(s) != role },
			grant("role", identity.Principal{AnyJob: true, Shards: identity.AllShards()})...)
	}
	m.server.Grant("nobody's role, long enough", identity.Principal{ID: "n", AnyJob: true, Shards: identity.AllShards()})
	add("no role", codes.PermissionDenied, nil, bearer("nobody's role, long enough")...)
	m.cells = append(m.cells, m.paths(m.allowed)...)
	if n := m.check(); n < 150 {
		t.Errorf("only %d cells", n)
	} else {
		t.Logf("%d cells", n)
	}
}

// pki are the authorities and certificates of a test.
type pki struct {
	t      testing.TB
	folder string
	ca     *identity.Authority
	n      int
}

func newPKI(t testing.TB) *pki {
	ca, err := identity.NewAuthority(identity.For(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return &pki{t: t, folder: t.TempDir(), ca: ca}
}

// save keeps a pair in a folder of its own.
func (p *pki) save(pair identity.Pair, err error) identity.Files {
	if err != nil {
		p.t.Fatal(err)
	}
	p.n++
	folder := filepath.Join(p.folder, fmt.Sprint(p.n))
	if err := pair.Save(folder); err != nil {
		p.t.Fatal(err)
	}
	return identity.In(folder)
}

// server is the coordinator's.
func (p *pki) server() identity.Files {
	return p.save(p.ca.Server([]string{"127.0.0.1", "localhost"}, identity.For(time.Hour)))
}

// named is a client's with any name.
func (p *pki) named(uri string) identity.Files {
	return p.save(p.ca.Name(uri, identity.For(time.Hour)))
}

func TestAccessByCertificate(t *testing.T) {
	p := newPKI(t)
	files := p.server()
	m := newMatrix(t, ServerOptions{TLS: &files})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.ca.CA())
	as := func(f identity.Files) *grpc.ClientConn {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			t.Fatal(err)
		}
		// Shows the certificate whatever the server asks for, as an attacker would.
		show := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		return m.conn(credentials.NewTLS(&tls.Config{RootCAs: roots, GetClientCertificate: show}))
	}
	job := record.Job{1}.String()
	worker, operator := as(p.named("quern://worker/"+job+"/0-9")), as(p.named("quern://operator/"+job+"/*"))
	m.allowed = func(method string) (*grpc.ClientConn, []string) {
		if m.role(method) == identity.Worker {
			return worker, nil
		}
		return operator, nil
	}
	add := func(name string, code codes.Code, skip func(string) bool, conn *grpc.ClientConn) {
		m.cells = append(m.cells, cell{name: name, conn: conn, skip: skip, code: code, pairs: []string{"authorization", "Bearer " + workerToken}})
	}
	// Those that TLS keeps out.
	good := "quern://worker/" + job + "/*"
	now := time.Now()
	other, err := identity.NewAuthority(identity.For(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	out := codes.Unavailable
	add("no certificate", out, nil, m.conn(credentials.NewTLS(&tls.Config{RootCAs: roots})))
	add("no TLS", out, nil, m.conn(insecure.NewCredentials()))
	add("wrong authority", out, nil, as(p.save(other.Name(good, identity.For(time.Hour)))))
	add("expired", out, nil, as(p.save(p.ca.Name(good, identity.Validity{From: now.Add(-time.Hour), Until: now.Add(-time.Second)}))))
	add("not yet valid", out, nil, as(p.save(p.ca.Name(good, identity.Validity{From: now.Add(time.Hour), Until: now.Add(2 * time.Hour)}))))
	add("the coordinator's", out, nil, as(files))
	mine := p.named(good)
	pair, _ := tls.LoadX509KeyPair(mine.Cert, mine.Key)
	add("TLS 1.2", out, nil, m.conn(credentials.NewTLS(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MaxVersion: tls.VersionTLS12})))
	// Those that have a certificate, which does not name them.
	for _, uri := range []string{"spiffe://quern/worker", "https://worker/" + job + "/*", "quern://admin/*/*", "quern://Worker/*/*", "quern://worker/*",
		"quern://worker/*/*/*", "quern://worker/" + job[1:] + "/*", "quern://worker/" + strings.ToUpper(record.Job{0xab}.String()) + "/*",
		"quern://worker/*/9-3", "quern://worker/*/-1", "quern://worker/*/", "quern://worker//*", "quern://root@worker/*/*", "quern://worker/*/*?x", "quern://worker/*/*#x"} {
		add("named "+uri, codes.Unauthenticated, nil, as(p.named(uri)))
	}
	// Those that are somebody else.
	for _, role := range []identity.Role{identity.Worker, identity.Operator} {
		mine := func(method string) bool { return m.role(method) != role }
		add("other job", codes.PermissionDenied, func(s string) bool { return mine(s) || noJob(s) },
			as(p.named("quern://"+string(role)+"/"+record.Job{2}.String()+"/*")))
		add("other shards", codes.PermissionDenied, func(s string) bool { return mine(s) || noShard(s) }, as(p.named("quern://"+string(role)+"/*/0-2,4-99")))
		add("wrong role", codes.PermissionDenied, func(s string) bool { return m.other(s) != role }, as(p.named("quern://"+string(role)+"/*/*")))
	}
	m.cells = append(m.cells, m.paths(m.allowed)...)
	if n := m.check(); n < 200 {
		t.Errorf("only %d cells", n)
	} else {
		t.Logf("%d cells", n)
	}
}

// TestRulesCover: a method that nobody thought about stops the server from starting.
func TestRulesCover(t *testing.T) {
	s, err := NewServer(ServerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.grpc.Stop()
	registered := s.grpc.GetServiceInfo()
	if err := covered(s.gate.table, registered); err != nil {
		t.Error(err)
	}
	for service, info := range registered {
		more := grpc.ServiceInfo{Methods: append(slices.Clone(info.Methods), grpc.MethodInfo{Name: "Drop"})}
		changed := map[string]grpc.ServiceInfo{service: more}
		if err := covered(s.gate.table, changed); err == nil || !strings.Contains(err.Error(), "Drop") {
			t.Errorf("a method without a rule: %v", err)
		}
		delete(registered, service)
		if err := covered(s.gate.table, registered); err == nil {
			t.Error("rules without methods are not noticed")
		}
		break
	}
}
