package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// server is `quern serve` within this process, for scripts:
//
//	serve FLAGS...     starts one, on a free port, which looks for versions all the time
//	await TEXT         waits until it has said TEXT
//	ask PATH [BODY]    makes a request of it and prints the answer
//	stop               ends it, and prints what it said
type server struct {
	talk  spoken
	end   context.CancelFunc
	ended chan int
}

// spoken is what a server says, as it says it.
type spoken struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write is io.Writer's.
func (t *spoken) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(b)
}

func (t *spoken) said() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// serving runs a command of servers.
func (s *script) serving(args []string) error {
	if (args[0] == "serve") != (s.server == nil) {
		return errors.New("one server at a time")
	}
	switch args[0] {
	case "serve":
		ctx, end := context.WithCancel(s.t.Context())
		s.server = &server{end: end, ended: make(chan int, 1)}
		app := newApp(&s.server.talk, &s.server.talk)
		args = append([]string{"serve", "--listen", "127.0.0.1:0", "--poll", "10ms"}, args[1:]...)
		go func() { s.server.ended <- app.run(ctx, args) }()
		return s.server.await("listening on ")
	case "await":
		return s.server.await(strings.Join(args[1:], " "))
	case "ask":
		return s.ask(args[1], strings.Join(args[2:], " "))
	}
	s.server.end()
	code := <-s.server.ended
	s.print("! ", s.server.talk.said())
	if code != 0 {
		fmt.Fprintf(&s.out, "= %d\n", code)
	}
	s.server = nil
	return nil
}

// await waits until a text was said.
func (v *server) await(text string) error {
	for range 3000 {
		if strings.Contains(v.talk.said(), text) {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("the server never says %q, but\n%s", text, v.talk.said())
}

// ask makes a request: GET, or POST with a body.
func (s *script) ask(path, body string) error {
	url := regexp.MustCompile(`http://[0-9.:]+`).FindString(s.server.talk.said()) + path
	var answer *http.Response
	var err error
	if body == "" {
		answer, err = http.Get(url)
	} else {
		answer, err = http.Post(url, "application/json", strings.NewReader(body))
	}
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	s.print("  ", fmt.Sprintf("%d %s", answer.StatusCode, text))
	return err
}

// numbered replaces versions of views by VERSION-1, VERSION-2 ...
func (s *script) numbered(text string) string {
	return regexp.MustCompile(`\b\d{8}-\d{6}-[0-9a-f]{8}\b`).ReplaceAllStringFunc(text, func(version string) string {
		for i, v := range s.versions {
			if v == version {
				return fmt.Sprintf("VERSION-%d", i+1)
			}
		}
		s.versions = append(s.versions, version)
		return fmt.Sprintf("VERSION-%d", len(s.versions))
	})
}

// named puts versions back.
func (s *script) named(command string) string {
	for i, v := range s.versions {
		command = strings.ReplaceAll(command, fmt.Sprintf("VERSION-%d", i+1), v)
	}
	return command
}
