package serve

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// segments returns how many segments with data came by a connection.
func segments(t *testing.T, c net.Conn) int {
	raw, err := c.(syscall.Conn).SyscallConn()
	check(t, err)
	var info *unix.TCPInfo
	check(t, raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }))
	check(t, err)
	return int(info.Data_segs_in)
}

// TestOneWriteForAReply: a reply over HTTP/1 comes as one segment, whatever its length is, in
// every form.
func TestOneWriteForAReply(t *testing.T) {
	r := twoViews(t, nil).start(t)
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	check(t, err)
	defer c.Close()
	from := bufio.NewReader(c)
	for _, accept := range []string{"application/json", "application/x-quern-tensor", "application/vnd.apache.arrow.stream"} {
		longest := 0
		for _, rows := range []int{1, 100, 180, 270, 600, 1000} {
			body := `{"view":"a","rows":[` + strings.Repeat(`{"id":1},`, rows-1) + `{"id":1}]}`
			const times = 10
			before := segments(t, c)
			for range times {
				fmt.Fprintf(c, "POST /v1/lookup HTTP/1.1\r\nHost: x\r\nAccept: %s\r\nContent-Length: %d\r\n\r\n%s", accept, len(body), body)
				reply, err := http.ReadResponse(from, nil)
				check(t, err)
				if reply.StatusCode != http.StatusOK {
					t.Fatal(reply.Status)
				}
				n, err := io.Copy(io.Discard, reply.Body)
				check(t, err)
				longest = int(n)
			}
			// The kernel may cut a segment where its buffers end.
			if n := segments(t, c) - before; n > times+times/3 {
				t.Errorf("%s, %d bytes: %d segments in %d replies", accept, longest, n, times)
			}
			t.Logf("%s: %d bytes", accept, longest)
		}
		if longest < 8<<10 {
			t.Errorf("%s: %d bytes are no long reply", accept, longest)
		}
	}
}
