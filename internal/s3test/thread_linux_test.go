package s3test

import (
	"net/http"
	"runtime"
	"testing"
	"time"
)

// A server outlives the thread of who asked for it: that of a goroutine that is locked to it
// ends with it, and with a thread the processes that it started would.
func TestServerOutlivesThreads(t *testing.T) {
	if _, err := find(); err != nil {
		t.Skip("no S3 server here; `make s3-server` makes it")
	}
	done := make(chan *Server)
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never back
		done <- Start(t)
	}()
	s := <-done
	<-done
	time.Sleep(50 * time.Millisecond) // the thread ends soon after the goroutine
	answer, err := http.Get(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
}
