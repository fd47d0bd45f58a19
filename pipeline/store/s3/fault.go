package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"quern/features/diag"
	"quern/pipeline/store"
)

// fault is what an error means for the request that met it.
type fault int

const (
	none    fault = iota
	passing       // the server or the network failed: whether it was done is not known
	missing       // there is no such object, or no such upload
	taken         // 412: the condition does not hold
	refused       // the request was understood and not done, and would not be next time
)

// faultOf classifies an error of the library.
func faultOf(err error) fault {
	var known *diag.Error
	var answer minio.ErrorResponse
	switch {
	case err == nil:
		return none
	case errors.As(err, &known), errors.Is(err, errNoKeys), hopeless(err):
		return refused
	case !errors.As(err, &answer):
		return passing // a network error, a time-out, an answer cut short
	}
	switch answer.Code {
	case "RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch", "SlowDown", "InternalError", "ServiceUnavailable", "OperationAborted":
		return passing
	}
	switch code := answer.StatusCode; {
	case code == http.StatusNotFound && (answer.Code == "NoSuchKey" || answer.Code == "NoSuchUpload" || answer.Code == "NoSuchVersion"):
		return missing
	case code == http.StatusPreconditionFailed:
		return taken
	case code == http.StatusNotImplemented:
		return refused
	case code >= 500, code == http.StatusConflict, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code == 0:
		return passing
	}
	return refused
}

// hopeless reports whether an error of the network will not pass.
func hopeless(err error) bool {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &name) && name.IsNotFound || errors.As(err, &certificate) || errors.As(err, &record) ||
		errors.Is(err, http.ErrSchemeMismatch)
}

// unsent reports whether a request never reached a server, so that nothing can have been
// done.
func unsent(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}

// explain turns an error into one for the user. What was asked for is "reading x".
func explain(what string, err error) error {
	var known *diag.Error
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, &known) {
		return err
	}
	var answer minio.ErrorResponse
	errors.As(err, &answer)
	code := diag.Code("Q445")
	switch answer.Code {
	case "NoSuchBucket", "PermanentRedirect", "AuthorizationHeaderMalformed", "InvalidBucketName":
		code = "Q441"
	case "RequestTimeTooSkewed":
		code = "Q443"
	case "NotImplemented":
		code = "Q444"
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "AllAccessDisabled",
		"XAdminUserNotFound": // a server's word for an unknown key

		code = "Q442"
	}
	switch {
	case code != "Q445":
	case errors.Is(err, errNoKeys), answer.StatusCode == http.StatusForbidden, answer.StatusCode == http.StatusUnauthorized:
		code = "Q442"
	case answer.StatusCode == http.StatusMovedPermanently:
		code = "Q441"
	case answer.StatusCode == http.StatusNotImplemented:
		code = "Q444"
	}
	return raise(code, what).Because(err)
}

// raise returns an error of one of explain's codes.
func raise(code diag.Code, what string) *diag.Error {
	switch code {
	case "Q441":
		return diag.New("Q441", "%s: there is no such bucket", what)
	case "Q442":
		return diag.New("Q442", "%s: access denied", what)
	case "Q443":
		return diag.New("Q443", "%s: this machine's clock and the store's are too far apart", what)
	case "Q444":
		return diag.New("Q444", "%s: the store knows no If-None-Match", what)
	}
	return diag.New("Q445", "%s: the object store does not do it", what)
}

// patience is how long after the first attempt another one may begin.
const patience = 2 * time.Minute

// again reports whether a request may be made once more after so many attempts.
func (s *Store) again(started time.Time, attempts int) bool {
	return attempts < s.o.Attempts && time.Since(started) < patience
}

// try makes a request, again while the fault is a passing one. Each attempt has its own
// deadline.
func (s *Store) try(ctx context.Context, limit time.Duration, what string, ask func(context.Context) error) error {
	started := time.Now()
	for attempt := 1; ; attempt++ {
		err := s.once(ctx, limit, ask)
		switch faultOf(err) {
		case none:
			return nil
		case missing:
			return fmt.Errorf("%w: %s", store.ErrNotFound, what)
		case passing:
			if ctx.Err() == nil && s.again(started, attempt) {
				s.pause(ctx, attempt)
				continue
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return explain(what, err)
	}
}

// once makes a request within its deadline.
func (s *Store) once(ctx context.Context, limit time.Duration, ask func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return ask(within)
}

// longest is the longest pause between two attempts.
const longest = 10 * time.Second

// pause waits before attempt n+1: a random part of a time that doubles, so that many
// clients that were refused together do not come back together.
func (s *Store) pause(ctx context.Context, n int) {
	most := min(longest, s.o.Pause<<min(n-1, 10))
	wait := time.NewTimer(rand.N(most) + most/10)
	defer wait.Stop()
	select {
	case <-ctx.Done():
	case <-wait.C:
	}
}
