package serve

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"quern/serve/feast"
)

// fail replies with what Feast's clients understand.
func (s *Server) fail(w *work, err error) {
	f := s.feast.FaultOf(err)
	if f.After > 0 {
		w.overRate()
		sayWhen(w, f.After)
	}
	if w.grpc {
		grpcReply(w, f.GRPC, f.Message, nil)
		return
	}
	feast.SetCode(w.Header(), err)
	replyJSON(w, f.HTTP, f.Body)
}

// refuse replies with a status of HTTP, or with the one of gRPC that is nearest.
func refuse(w *work, code int, why string) {
	if w.grpc {
		grpcReply(w, grpcCode(code), why, nil)
		return
	}
	detail, _ := json.Marshal(map[string]string{"detail": why})
	replyJSON(w, code, detail)
}

func replyJSON(w *work, code int, body []byte) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(code)
	w.Write(body) // an error here is a client that went away
}

// sayWhen tells a client when to try again: in whole seconds, as HTTP has it, and in
// milliseconds, as gRPC's retries have it (grpc/proposal, A6).
func sayWhen(w *work, after time.Duration) {
	h := w.Header()
	h.Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
	if w.grpc {
		h.Set("Grpc-Retry-Pushback-Ms", strconv.Itoa(int((after+time.Millisecond-1)/time.Millisecond)))
	}
}

// refuseFor refuses a request that may come again.
func refuseFor(w *work, after time.Duration, why string) {
	w.refused = true
	sayWhen(w, after)
	refuse(w, http.StatusTooManyRequests, why)
}
