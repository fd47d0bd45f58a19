package feast

import (
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"quern/serve/lookup"
)

var rewrite = flag.Bool("rewrite", false, "write testdata anew instead of comparing with it")

// TestGoldenMessages replays testdata/messages.txt, byte for byte: a request, its
// bytes as protobuf-go writes them, the reply, and its bytes as the encoder does.
func TestGoldenMessages(t *testing.T) {
	d := describe(t)
	s := wireService(wireStore(t), lookup.Rules{})
	text, err := os.ReadFile("testdata/messages.txt")
	if err != nil {
		t.Fatal(err)
	}
	var now []string
	for _, c := range strings.Split(string(text), "\n---\n") {
		request, _, _ := strings.Cut(c, "\n\n")
		now = append(now, exchangeText(t, d, s, request))
	}
	if got := strings.Join(now, "\n---\n"); got != string(text) {
		if *rewrite {
			os.WriteFile("testdata/messages.txt", []byte(got), 0o666)
			return
		}
		t.Errorf("-rewrite would write\n%s", got)
	}
	if len(now) < 4 {
		t.Fatalf("%d cases", len(now))
	}
}

// exchangeText answers a request, and shows it and the reply as text and as bytes.
func exchangeText(t *testing.T, d protoreflect.FileDescriptor, s *Service, text string) string {
	request, reply := message(d, "Request"), message(d, "Response")
	if err := prototext.Unmarshal([]byte(text), request); err != nil {
		t.Fatal(err)
	}
	in, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.GetOnlineFeatures(context.Background(), in, nil)
	if err != nil {
		return fmt.Sprintf("%s\n\n%x\n\ncode %d: %s", text, in, s.FaultOf(err).GRPC, s.FaultOf(err).Message)
	}
	if err := proto.Unmarshal(out, reply); err != nil {
		t.Fatal(err)
	}
	// prototext varies its spaces on purpose.
	lines := strings.Join(strings.Fields(prototext.MarshalOptions{}.Format(reply)), " ")
	lines = strings.NewReplacer(" results:", "\nresults:", ": {", ":{", ": ", ":").Replace(lines)
	return fmt.Sprintf("%s\n\n%x\n\n%s\n\n%s", text, in, lines, hex.EncodeToString(out))
}
