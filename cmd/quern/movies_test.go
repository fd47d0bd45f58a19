package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/internal/oracletest"
)

// TestMoviesAreMadeUp: examples/movies/viewers.jsonl holds nobody's data but what this
// program draws; -rewrite draws it anew.
func TestMoviesAreMadeUp(t *testing.T) {
	path := filepath.Join("..", "..", "examples", "movies", "viewers.jsonl")
	made := viewers(200)
	if *rewrite {
		if err := os.WriteFile(path, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(path); err != nil || !bytes.Equal(have, made) {
		t.Errorf("%s is not what is drawn here (%v)", path, err)
	}
}

// viewers draws viewers of made-up movies: what genres they name, which movies they
// saw, oldest first, how they rated some of them, and whether they renewed.
func viewers(n int) []byte {
	genres := strings.Fields("action comedy crime drama family fantasy horror romance western")
	r := rand.New(rand.NewPCG(2001, 6))
	var b bytes.Buffer
	for viewer := range n {
		var named, movies, ratings []string
		for _, g := range r.Perm(len(genres))[:min(r.IntN(6), 4)] {
			named = append(named, fmt.Sprintf("%q", genres[g]))
		}
		mood := r.IntN(4) // a viewer who rates low renews less often
		for range r.IntN(9) {
			movies = append(movies, fmt.Sprint(1+min(r.IntN(300), r.IntN(300))))
			rating := "null" // seen, and not rated
			if r.IntN(5) > 0 {
				rating = fmt.Sprintf("%.1f", 1+0.5*float64(min(8, mood+r.IntN(6))))
			}
			ratings = append(ratings, rating)
		}
		list := func(all []string) string { return "[" + strings.Join(all, ", ") + "]" }
		said := list(named)
		if r.IntN(20) == 0 {
			said = "null" // was never asked
		}
		fmt.Fprintf(&b, `{"viewer": %d, "genres": %s, "movie_ids": %s, "ratings": %s, "renewed": %t}`+"\n",
			viewer, said, list(movies), list(ratings), r.IntN(8) < 2+mood)
	}
	return b.Bytes()
}

// TestMoviesAgainstNumpy runs the example and computes its features anew, from the
// JSON lines, with numpy.
func TestMoviesAgainstNumpy(t *testing.T) {
	oracletest.Python(t)
	folder := filepath.Join(t.TempDir(), "movies")
	if err := os.CopyFS(folder, os.DirFS(filepath.Join("..", "..", "examples", "movies"))); err != nil {
		t.Fatal(err)
	}
	if _, talk, code := runQuern(t, "run", filepath.Join(folder, "recipe.yaml"), "--overwrite"); code != 0 {
		t.Fatal(talk)
	}
	var wrong []string
	oracletest.Run(t, `
import json, math, sys
import numpy as np, pyarrow.parquet as pq
viewers = [json.loads(l) for l in open(sys.argv[1] + "/viewers.jsonl")]
made = pq.read_table(sys.argv[1] + "/out/features/part-00000.parquet").to_pylist()
named = [v["genres"] or [] for v in viewers]
rated = [[x for x in v["ratings"] if x is not None] for v in viewers]
words, counts = np.unique(sum(named, []), return_counts=True)
ids = {w: 3 + i for i, (c, w) in enumerate(sorted((-c, w) for c, w in zip(counts, words)))}
every = np.array(sum(rated, []))
median = np.median([max(r) - min(r) for r in rated if r])
wrong = [] if len(made) == len(viewers) else [f"{len(made)} rows"]
for v, m, g, r in zip(viewers, made, named, rated):
    want = {"genres_ids": ([ids[x] for x in g] + [0] * 4)[:4], "stays": v["renewed"], "viewer": v["viewer"], "spread_missing": not r,
            "spread": max(r) - min(r) if r else median, "ratings_given": math.log1p(len(v["ratings"])),
            "ratings": np.mean((np.array(r) - every.mean()) / every.std()) if r else 0.0}
    want |= {"genres_" + w: w in g for w in words}
    for name, x in want.items():
        if not (abs(m[name] - x) < 1e-6 if isinstance(x, float) else m[name] == x):
            wrong.append(f"viewer {v['viewer']}: {name} is {m[name]}, numpy says {x}")
    if len(m) != len(want) + 1 or any(not 0 <= x < 66 for x in m["movie_ids"]) or m["movie_ids"].count(0) != max(0, 3 - len(v["movie_ids"])):
        wrong.append(f"viewer {v['viewer']}: {m}")
print(json.dumps(wrong))
`, &wrong, folder)
	if len(wrong) > 0 {
		t.Errorf("%d values differ: %s", len(wrong), strings.Join(wrong[:min(5, len(wrong))], "\n"))
	}
}
