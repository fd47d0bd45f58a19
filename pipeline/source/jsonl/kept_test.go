package jsonl

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quern/features/column"
	"quern/pipeline/source"
	"quern/pipeline/source/text"
	"quern/pipeline/source/text/texttest"
)

// encoded returns all that can be seen of a source, or the error.
func encoded(t interface{ Fatal(...any) }, opts Options, data string) string {
	opts.Files = []source.File{texttest.File("f.jsonl", []byte(data))}
	s, err := Open(context.Background(), opts)
	if err != nil {
		return err.Error()
	}
	defer s.Close()
	out, err := texttest.Describe(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestKeptAndParsed compares tables that are kept, in part or not at all: of objects
// with the same keys and with others, in other orders; of texts that are quoted and not.
func TestKeptAndParsed(t *testing.T) {
	value := rapid.SampledFrom([]string{"1", `"1"`, "1.5", `"1.5"`, "null", "true", `"true"`, `"\u0031"`, `"2001-06-01"`, `"2001-06-01T12:00"`,
		`""`, "[]", "[1,null]", `["a"]`, "{}", "-0", `"é"`, "1e400"})
	rapid.Check(t, func(t *rapid.T) {
		var data strings.Builder
		usual := rapid.SliceOfN(value, 1, 3).Draw(t, "usual")
		for range rapid.IntRange(0, 12).Draw(t, "rows") {
			keys := []string{"a", "b", "c"}
			if rapid.IntRange(0, 3).Draw(t, "other") == 0 {
				keys = rapid.Permutation(keys).Draw(t, "keys")[:rapid.IntRange(0, 3).Draw(t, "width")]
			}
			for i, key := range keys {
				v := usual[i%len(usual)]
				if rapid.IntRange(0, 5).Draw(t, "another") == 0 {
					v = value.Draw(t, "value")
				}
				keys[i] = fmt.Sprintf("%q:%s", key, v)
			}
			data.WriteString("{" + strings.Join(keys, ",") + "}" + rapid.SampledFrom([]string{"\n", "\n", "\n\n", "\r\n"}).Draw(t, "end"))
		}
		limits := text.Limits{Chunk: int64(rapid.IntRange(1, 60).Draw(t, "chunk")), Keep: -1}
		types := column.Schema{{Name: "a", Type: rapid.SampledFrom(column.Types()).Draw(t, "type")}}
		if rapid.Bool().Draw(t, "infer") {
			types = nil
		}
		want := encoded(t, Options{Types: types, limits: limits}, data.String())
		for _, keep := range []int64{0, int64(rapid.IntRange(1, 300).Draw(t, "keep"))} {
			limits.Keep = keep
			if got := encoded(t, Options{Types: types, limits: limits, Workers: 3}, data.String()); got != want {
				t.Fatalf("%q, %d bytes kept: got\n%s\nwant\n%s", data.String(), keep, got, want)
			}
		}
	})
}

// TestQuotedAndBare: a text that comes quoted and bare is a string and a number, wherever
// the second one stands, and so is its column.
func TestQuotedAndBare(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 3))
	for _, distinct := range []int{1, 10, 5000} {
		for _, pair := range [][2]string{{"%d", `"%d"`}, {`"%d"`, "%d"}} {
			for _, at := range []int{0, 1, 3, 5999} {
				var data strings.Builder
				for i := range 6000 {
					form := pair[0]
					if i == at || i == 2 && at == 3 {
						form = pair[1]
					}
					fmt.Fprintf(&data, "{\"x\":"+form+"}\n", i%distinct+100)
				}
				got := encoded(t, Options{limits: text.Limits{Chunk: int64(20_000 + rng.IntN(100_000))}}, data.String())
				if !strings.Contains(got, "map[x:it holds numbers beside strings") {
					t.Errorf("%d texts, %s at %d: %.200s", distinct, pair[1], at, got)
				}
			}
		}
	}
}

// TestThreeKinds: the text of a string comes back as a number, beside what is neither.
func TestThreeKinds(t *testing.T) {
	got := encoded(t, Options{}, "{\"x\":true}\n{\"x\":\"1\"}\n{\"x\":1}\n")
	if !strings.Contains(got, "map[x:it holds true and false beside numbers") {
		t.Error(got)
	}
}
