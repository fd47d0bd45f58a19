package fieldstatus_test

import (
	"strings"
	"testing"

	"quern/serve/fieldstatus"
	pb "quern/serve/proto"
)

// TestNumbersAreTheServices: a status has the number, and the name, that it has in quern's own
// service, but for the one that is never sent.
func TestNumbersAreTheServices(t *testing.T) {
	if len(pb.Status_name) != int(fieldstatus.OutsideMaxAge)+1 {
		t.Errorf("the service has %d statuses", len(pb.Status_name))
	}
	for number, name := range pb.Status_name {
		want := strings.TrimPrefix(name, "STATUS_")
		if want == "UNSPECIFIED" {
			want = "INVALID"
		}
		if got := fieldstatus.Status(number).String(); got != want {
			t.Errorf("status %d is %s, want %s", number, got, want)
		}
	}
	if got := fieldstatus.Status(200).String(); got != "INVALID" {
		t.Errorf("a status that is none is %s", got)
	}
}
