package serve

import (
	"encoding/binary"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"quern/features/diag"
)

// The codes of google.rpc.Code that the server itself gives.
const (
	grpcOK              = 0
	grpcDenied          = 7
	grpcExhausted       = 8
	grpcUnimplemented   = 12
	grpcInternal        = 13
	grpcUnauthenticated = 16
)

func grpcCode(status int) uint32 {
	switch status {
	case http.StatusUnauthorized:
		return grpcUnauthenticated
	case http.StatusForbidden:
		return grpcDenied
	case http.StatusTooManyRequests:
		return grpcExhausted
	case http.StatusNotFound:
		return grpcUnimplemented
	}
	return grpcInternal
}

func isGRPC(r *http.Request) bool {
	kind := r.Header.Get("Content-Type")
	return r.ProtoMajor >= 2 && (kind == "application/grpc" || kind == "application/grpc+proto")
}

// unframe returns the one message of a body; nil if it is compressed.
func unframe(body []byte) ([]byte, error) {
	if len(body) < 5 || uint64(binary.BigEndian.Uint32(body[1:])) != uint64(len(body)-5) || body[0] > 1 {
		return nil, diag.New("Q614", "the body is not one gRPC message")
	}
	if body[0] == 1 {
		return nil, nil
	}
	return body[5:len(body):len(body)], nil
}

// grpcReply sends a framed message, if there is one, and a status.
func grpcReply(w *work, code uint32, why string, framed []byte) {
	h := w.Header()
	h["Content-Type"] = []string{"application/grpc"}
	if framed == nil { // then the status is in the header
		h["Grpc-Status"] = []string{strconv.Itoa(int(code))}
		h["Grpc-Message"] = []string{percent(why)}
		// On the wire a failed call is a 200; the metrics have it as what it is.
		w.WriteHeader(http.StatusOK)
		w.send()
		w.code = statusOf(code)
		return
	}
	h["Trailer"] = []string{"Grpc-Status"}
	w.WriteHeader(http.StatusOK)
	w.Write(framed)
	h["Grpc-Status"] = []string{strconv.Itoa(int(code))}
}

// percent encodes the text of a status as the protocol wants it.
func percent(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' || c == '%' {
			b.WriteString("%" + strings.ToUpper(strconv.FormatInt(int64(c)+0x100, 16)[1:]))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// grpcHealth answers grpc.health.v1.Health/Check for the server as a whole and for Feast's
// service: field 1 of the reply is 1 for serving and 2 for not.
func (s *Server) grpcHealth(w *work, r *http.Request) {
	io.Copy(io.Discard, http.MaxBytesReader(w.ResponseWriter, r.Body, 4<<10))
	state := byte(1)
	if s.healthy() != nil {
		state = 2
	}
	grpcReply(w, grpcOK, "", []byte{0, 0, 0, 0, 2, 8, state})
}

// grpcTimeout reads gRPC's header: up to 8 digits and a unit. What is none is otherwise.
func grpcTimeout(text string, otherwise time.Duration) time.Duration {
	if len(text) < 2 || len(text) > 9 {
		return otherwise
	}
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
	unit, ok := map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second,
		'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond}[text[len(text)-1]]
	if err != nil || !ok || time.Duration(n) > otherwise/unit {
		return otherwise
	}
	return time.Duration(n) * unit
}
