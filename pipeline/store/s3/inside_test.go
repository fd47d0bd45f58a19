package s3

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/minio/minio-go/v7"

	"quern/features/diag"
)

// TestPartsSuffice checks that 10,000 parts hold the largest object that S3 has, and that
// no part is a large share of what there is.
func TestPartsSuffice(t *testing.T) {
	const largest = 5 << 40
	for _, first := range []int{leastPart, 8 << 20, 64 << 20} {
		written, parts := int64(0), 0
		for ; written < largest; parts++ {
			size := partSize(first, written)
			if size < leastPart || size > 5<<30 || size > first && int64(size) > written/1000 {
				t.Fatalf("part %d after %d bytes has %d", parts, written, size)
			}
			written += int64(size)
		}
		if parts > mostParts {
			t.Errorf("from parts of %d bytes on, %d parts are needed", first, parts)
		}
	}
}

// TestAnswersAreExplained walks the answers of S3 that a user can do something about.
func TestAnswersAreExplained(t *testing.T) {
	for _, c := range []struct {
		code   string
		status int
		kind   fault
		want   diag.Code
	}{
		{"NoSuchBucket", 404, refused, "Q441"},
		{"PermanentRedirect", 301, refused, "Q441"},
		{"AccessDenied", 403, refused, "Q442"},
		{"ExpiredToken", 400, refused, "Q442"},
		{"Whatever", 403, refused, "Q442"},
		{"RequestTimeTooSkewed", 403, refused, "Q443"},
		{"NotImplemented", 501, refused, "Q444"},
		{"InvalidArgument", 400, refused, "Q445"},
		{"RequestTimeout", 400, passing, "Q445"},
		{"SlowDown", 503, passing, "Q445"},
		{"ConditionalRequestConflict", 409, passing, "Q445"},
		{"", 502, passing, "Q445"},
		{"PreconditionFailed", 412, taken, "Q445"},
		{"NoSuchUpload", 404, missing, "Q445"},
	} {
		err := fmt.Errorf("wrapped: %w", minio.ErrorResponse{Code: c.code, StatusCode: c.status})
		var e *diag.Error
		if kind := faultOf(err); kind != c.kind || !errors.As(explain("reading x", err), &e) || e.Code != c.want {
			t.Errorf("%s %d: fault %d, %v", c.code, c.status, kind, e)
		}
	}
	if faultOf(context.DeadlineExceeded) != passing || faultOf(nil) != none {
		t.Error("a time-out does not pass")
	}
}

// TestAddresses opens addresses, good and bad.
func TestAddresses(t *testing.T) {
	for uri, want := range map[string]string{
		"s3://bucket": "s3://bucket", "s3://bucket/": "s3://bucket", "s3://bucket/a/b/": "s3://bucket/a/b",
		"s3://": "", "s3:///x": "", "s3://UP_per/x": "", "s3://bucket/a//b": "", "s3://bucket/../b": "", "s3://bucket/./b": "", "s3://b/x": "",
	} {
		st, err := NewClient(Options{Endpoint: "http://localhost:1", Key: "k", Secret: "s"}).Open(context.Background(), uri)
		var e *diag.Error
		switch {
		case want == "" && (!errors.As(err, &e) || e.Code != "Q440"):
			t.Errorf("%s: %v", uri, err)
		case want != "" && (err != nil || st.Location() != want):
			t.Errorf("%s: %v, %v", uri, st, err)
		}
	}
	for _, endpoint := range []string{"localhost:9000", "ftp://x", "http://", "http://x/path", "http://%"} {
		if _, err := NewClient(Options{Endpoint: endpoint}).Open(context.Background(), "s3://bucket"); err == nil {
			t.Errorf("took the address %q", endpoint)
		}
	}
}
