package livetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quern/cpu"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/serve/view"
)

// Recipe is a view p of a number, and what is made of it, by an id.
const Recipe = `quern: 1
name: p
source: {jsonl: rows.jsonl, schema: {at: timestamp, n: int64}}
key: [id]
time: at
features:
  - columns: [n]
  - {name: half, expr: "float(n) / 2.0"}
`

// Store is a store that versions of the view p are published to.
type Store struct {
	*view.Store
	Mirror  string           // of the servers that follow it; "": they need none
	Options pipeline.Options // by which it publishes

	t      testing.TB
	folder string // of the source
	recipe *recipe.Recipe
	model  *model.Model
}

// NewStore fits a recipe and makes a store without versions.
func NewStore(t testing.TB, text string) *Store {
	s := &Store{Store: &view.Store{Folder: t.TempDir()}, t: t, folder: t.TempDir(), Options: pipeline.Options{Backend: cpu.New(), Workers: 1}}
	s.Fit(text)
	return s
}

// Fit makes the model of another recipe that of the versions to come.
func (s *Store) Fit(text string) {
	s.t.Helper()
	s.write(5, 0)
	var err error
	s.recipe, err = recipe.Parse(filepath.Join(s.folder, "recipe.yaml"), []byte(text))
	check(s.t, err)
	fitted, err := pipeline.Fit(context.Background(), s.recipe, s.Options)
	check(s.t, err)
	s.model = fitted.Model
}

// write makes the source: ids 0 to rows-1, with the number event at that many seconds.
func (s *Store) write(rows int, event int64) {
	var b strings.Builder
	for id := range rows {
		fmt.Fprintf(&b, `{"id": %d, "at": %q, "n": %d}`+"\n", id, Instant(event), event)
	}
	check(s.t, os.WriteFile(filepath.Join(s.folder, "rows.jsonl"), []byte(b.String()), 0o644))
}

// Instant is a time so many seconds after the first.
func Instant(event int64) string {
	return time.Unix(1_000_000_000+event, 0).UTC().Format(time.RFC3339)
}

// PublishRows publishes the ids 0 to rows-1, with the number event at that many seconds (see
// Instant), and returns the version.
func (s *Store) PublishRows(rows int, event int64) string {
	s.t.Helper()
	s.write(rows, event)
	made, err := s.Publish(context.Background(), s.model, s.recipe, view.PublishOptions{Options: s.Options, Force: true})
	check(s.t, err)
	return made.Version
}
