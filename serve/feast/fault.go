package feast

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"quern/features/diag"
	"quern/serve/access"
)

// Fault is an error as it goes over the wire.
type Fault struct {
	HTTP    int    // status code
	GRPC    uint32 // google.rpc.Code
	Message string // for logs, and for gRPC below 500
	Body    []byte // of the HTTP reply: JSON

	After time.Duration // when to try again; 0: nothing is known of that

	raise []byte // what Feast's SDK can raise again; JSON
}

// Raised returns err such that the message of its Fault is JSON, from which Feast's SDK
// raises the exception that it names: its clients of a registry look for that there. nil
// stays nil.
func Raised(err error) error {
	if err == nil {
		return nil
	}
	return &raisedError{err}
}

// raisedError is an error of Raised.
type raisedError struct{ error }

// Unwrap is errors.Unwrap's.
func (e *raisedError) Unwrap() error { return e.error }

// The google.rpc codes that faults have.
const (
	grpcCanceled          = 1
	grpcInvalidArgument   = 3
	grpcDeadlineExceeded  = 4
	grpcNotFound          = 5
	grpcPermissionDenied  = 7
	grpcResourceExhausted = 8
	grpcInternal          = 13
	grpcUnavailable       = 14
)

// statusClosed is nginx's status for a client that went away: only logs see it.
const statusClosed = 499

// FaultOf turns an error into what the client is told. A client's mistake is a 4xx,
// never a 5xx: Feast's SDK sends a request that got a 5xx four times.
//
// The body is what Feast's SDK can raise again: a JSON string that itself contains
// JSON, with the module and the class of a Python exception and its message. Where
// Feast 0.67 has a class for the mistake, it is that one with Feast's words;
// otherwise it is the base of them all, FeastError. What FastAPI refuses before
// Feast sees it (no JSON, or not of the form of the call) has FastAPI's body.
func (s *Service) FaultOf(err error) Fault {
	var shape *shapeError
	var syntax *syntaxError
	var known *diag.Error
	var busy *access.BusyError
	var raised *raisedError
	switch {
	case errors.As(err, &raised):
		f := s.FaultOf(raised.error)
		if len(f.raise) > 0 {
			f.Message = string(f.raise)
		}
		return f
	case errors.As(err, &busy):
		f := fault(http.StatusTooManyRequests, grpcResourceExhausted, feastErrors, "FeastError", busy.Why)
		f.After = busy.After
		return f
	case errors.As(err, &syntax):
		return Fault{HTTP: http.StatusUnprocessableEntity, GRPC: grpcInvalidArgument, Message: err.Error(), Body: syntax.body()}
	case errors.As(err, &shape):
		return Fault{HTTP: http.StatusUnprocessableEntity, GRPC: grpcInvalidArgument, Message: err.Error(), Body: shape.body()}
	case errors.As(err, &known):
		return s.known(known)
	case errors.Is(err, access.ErrForbidden):
		return fault(http.StatusForbidden, grpcPermissionDenied, feastErrors, "FeastPermissionError", err.Error())
	case errors.Is(err, context.Canceled):
		return fault(statusClosed, grpcCanceled, feastErrors, "FeastError", "the client went away")
	case errors.Is(err, context.DeadlineExceeded):
		return fault(http.StatusGatewayTimeout, grpcDeadlineExceeded, feastErrors, "FeastError", "the request took too long")
	}
	return internal(err.Error())
}

// SetCode notes in the header of a reply the code that an error has in quern's catalogue,
// for clients that are not Feast's: the body has no place for it.
func SetCode(h http.Header, err error) {
	var known *diag.Error
	if errors.As(err, &known) {
		h["Quern-Code"] = []string{string(known.Code)}
	}
}

// internal is a fault of ours. Only the log says which: it may name files and hosts.
func internal(message string) Fault {
	f := fault(http.StatusInternalServerError, grpcInternal, feastErrors, "FeastError", "the server failed; its log says why")
	f.Message = message
	return f
}

// known is FaultOf for catalogued mistakes.
func (s *Service) known(e *diag.Error) Fault {
	name := ""
	if e.Data != nil {
		name = e.Data.Column
	}
	project := " does not exist in project " + s.project
	const unprocessable, invalid = http.StatusUnprocessableEntity, grpcInvalidArgument
	switch e.Code {
	case "Q601":
		return fault(http.StatusNotFound, grpcNotFound, feastErrors, "FeatureViewNotFoundException", "Feature view "+name+project)
	case "Q602":
		return fault(http.StatusNotFound, grpcNotFound, feastErrors, "FeastObjectNotFoundException",
			withHint("Feature "+name+" not found in projection "+e.Data.File, e))
	case "Q603":
		return fault(http.StatusNotFound, grpcNotFound, feastErrors, "FeatureServiceNotFoundException", "Feature service "+name+project)
	case "Q604":
		return fault(unprocessable, invalid, feastErrors, "FeastError", "Invalid feature reference '"+name+
			"'. Expected format: '<feature_view>:<feature>' or '<feature_view>@<version>:<feature>'")
	case "Q605":
		return fault(unprocessable, invalid, feastErrors, "FeatureNameCollisionError", "Duplicate features named "+name+
			" found.\nTo resolve this collision, either use the full feature name by setting 'full_feature_names=True', or ensure that the features in question have different names.")
	case "Q609":
		return fault(http.StatusRequestEntityTooLarge, grpcResourceExhausted, feastErrors, "FeastError", e.Message)
	case "Q617":
		return fault(http.StatusNotFound, grpcNotFound, feastErrors, "FeastObjectNotFoundException", withHint(e.Message, e))
	case "Q623":
		return fault(http.StatusNotAcceptable, invalid, feastErrors, "FeastError", withHint(e.Message, e))
	case "Q610":
		return fault(unprocessable, invalid, feastErrors, "PushSourceNotFoundException", "Unable to find push source '"+name+"'.")
	case "Q626":
		if e.Data.File == "entity" {
			return fault(http.StatusNotFound, grpcNotFound, feastErrors, "EntityNotFoundException", "Entity "+name+project)
		}
		return fault(http.StatusNotFound, grpcNotFound, feastErrors, "DataSourceObjectNotFoundException", "Data source "+name+project)
	case codeNoObject:
		return fault(http.StatusNotFound, grpcNotFound, feastErrors, "FeastObjectNotFoundException", "Can't recognize feast object with a name "+name)
	}
	if f, ok := pushFault(e); ok {
		return f
	}
	if s.faults[e.Code] {
		return internal(e.Error())
	}
	return fault(unprocessable, invalid, feastErrors, "FeastError", withHint(e.Message, e))
}

// pushFault is known for what is wrong with a server that pushed rows cannot be kept by. A
// full disk is no status that Feast's SDK repeats at once: it would be as full.
func pushFault(e *diag.Error) (f Fault, ok bool) {
	switch e.Code {
	case "Q672":
		f = fault(http.StatusInsufficientStorage, grpcResourceExhausted, feastErrors, "FeastError", "the rows were not added: the server's disk is full, or fails")
	case "Q673":
		f = fault(http.StatusServiceUnavailable, grpcUnavailable, feastErrors, "FeastError", "the server takes no pushes until it is started again; the rows may be there then, or not")
	case "Q676":
		f = fault(http.StatusTooManyRequests, grpcResourceExhausted, feastErrors, "FeastError", e.Message)
		f.After = time.Second
	default:
		return f, false
	}
	f.Message = e.Error()
	return f, true
}

const feastErrors = "feast.errors"

func withHint(message string, e *diag.Error) string {
	if e.Hint != "" {
		return message + " (" + e.Hint + ")"
	}
	return message
}

// fault makes the body that Feast's SDK raises as module.class(message).
func fault(status int, grpc uint32, module, class, message string) Fault {
	// Feast writes the inner JSON with Python's json.dumps, spaces included.
	inner := append(appendString([]byte(`{"module": `), module), `, "class": `...)
	inner = append(appendString(inner, class), `, "message": `...)
	inner = append(appendString(inner, strings.ToValidUTF8(message, "\ufffd")), '}')
	return Fault{HTTP: status, GRPC: grpc, Message: message, Body: appendString(nil, inner), raise: inner}
}

// body is FastAPI's reply to a body that is no JSON.
func (e *syntaxError) body() []byte {
	b := append([]byte(`{"detail":[{"type":"json_invalid","loc":["body",`), strconv.Itoa(e.at)...)
	b = append(b, `],"msg":"JSON decode error","input":{},"ctx":{"error":`...)
	return append(appendString(b, e.problem), `}}]}`...)
}

// body is FastAPI's reply to a body that has not the form of the call. The input is
// given back where it is small.
func (e *shapeError) body() []byte {
	b := append([]byte(`{"detail":[{"type":`), ""...)
	b = append(appendString(b, e.kind), `,"loc":["body"`...)
	for _, a := range e.at {
		b = appendString(append(b, ','), a)
	}
	b = append(appendString(append(b, `],"msg":`...), e.problem), ""...)
	strict := !bytes.Contains(e.input, []byte("NaN")) && !bytes.Contains(e.input, []byte("Infinity"))
	if n := len(e.input); n > 0 && n <= 1024 && strict {
		b = append(append(b, `,"input":`...), e.input...)
	}
	return append(b, `}]}`...)
}
