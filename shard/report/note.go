package report

import (
	"encoding/json"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// note is what a claim's note tells of its attempt. What is missing or cannot be is zero.
type note struct {
	started, ended int64
	worker         string
}

// noteOf reads a note. It is JSON that other packages write; a field of the wrong type
// does not spoil the others.
func noteOf(data []byte) note {
	var all struct {
		Started json.RawMessage `json:"started"`
		Ended   json.RawMessage `json:"ended"`
		Worker  json.RawMessage `json:"worker"`
	}
	if json.Unmarshal(data, &all) != nil {
		return note{}
	}
	var n note
	n.started, n.ended = instant(all.Started), instant(all.Ended)
	if json.Unmarshal(all.Worker, &n.worker) != nil {
		n.worker = ""
	}
	return n
}

// instant reads a time in microseconds.
func instant(data json.RawMessage) int64 {
	var at int64
	if json.Unmarshal(data, &at) != nil {
		return 0
	}
	return known(at)
}

// known returns a time if it is one that a clock can show, up to the year 2255, so that
// sums and differences of times stay exact; else 0.
func known(at int64) int64 {
	if at <= 0 || at >= 1<<53 {
		return 0
	}
	return at
}

// added adds counts, and stays at the largest where they are more.
func added(a, b int64) int64 {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}

// clean makes a text of the log fit to be shown on a terminal and in XML: nothing that
// steers or reorders, and at most so many runes.
func clean(text string, most int) string {
	var b strings.Builder
	runes := 0
	for _, r := range text {
		if runes++; runes > most {
			return b.String() + "…"
		}
		if r != ' ' && !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) {
			r = utf8.RuneError
		}
		b.WriteRune(r)
	}
	return b.String()
}

// escaped makes a clean text safe in XML, between tags and in quotes.
func escaped(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace(text)
}
