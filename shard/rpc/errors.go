package rpc

import (
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// ErrInsecure is what a server or client wraps that would speak to other machines
// without TLS.
var ErrInsecure = errors.New("only this machine can be reached without TLS")

// The reasons that errors carry, as words that programs can tell apart.
const (
	ReasonIdentity  = "IDENTITY"           // the caller showed no identity, or not a good one
	ReasonMethod    = "METHOD"             // its role may not call the method
	ReasonJob       = "JOB"                // it may not speak of that job, or nobody here drives it
	ReasonShard     = "SHARD"              // it may not speak of that shard
	ReasonRate      = "RATE"               // it calls too often
	ReasonRoom      = "ROOM"               // too many calls are under way
	ReasonField     = "FIELD"              // a field is not what it must be
	ReasonSequence  = "SEQUENCE"           // messages of a stream came in the wrong order
	ReasonSize      = "SIZE"               // more or fewer bytes came than were declared
	ReasonDigest    = "DIGEST"             // the bytes have another digest than was declared
	ReasonStatistic = "STATISTIC"          // the bytes are no statistics
	ReasonProtocol  = "PROTOCOL"           // another version of the protocol
	ReasonBuild     = "BUILD"              // another build of the program
	ReasonDraining  = "DRAINING"           // the server is about to stop
	ReasonGone      = "GONE"               // the coordinator of the job ended
	ReasonBug       = "BUG"                // our fault
	domain          = "quern"              // of all reasons
	fieldKey        = "field"              // of the metadata
	retryAfter      = time.Second          // when there may be room again
	reasonlessText  = "the request failed" // of errors that nobody meant for callers
)

// refuse returns an error of a request. Field may be "".
func refuse(code codes.Code, reason, field, text string) error {
	return detailed(code, text, information(reason, field))
}

// exhausted returns an error that says when to try again.
func exhausted(reason, text string, after time.Duration) error {
	return detailed(codes.ResourceExhausted, text, information(reason, ""), &errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
}

func information(reason, field string) *errdetails.ErrorInfo {
	info := &errdetails.ErrorInfo{Reason: reason, Domain: domain}
	if field != "" {
		info.Metadata = map[string]string{fieldKey: field}
	}
	return info
}

func detailed(code codes.Code, text string, details ...protoadapt.MessageV1) error {
	s, err := status.New(code, text).WithDetails(details...)
	if err != nil {
		panic("quern: bug: details of an error: " + err.Error())
	}
	return s.Err()
}

// Reason returns the reason and the field that an error of the service carries; ""
// where there is none.
func Reason(err error) (reason, field string) {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == domain {
			return info.GetReason(), info.GetMetadata()[fieldKey]
		}
	}
	return "", ""
}

// retryDelay returns when an error says to try again; false if it does not.
func retryDelay(err error) (time.Duration, bool) {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration(), true
		}
	}
	return 0, false
}
