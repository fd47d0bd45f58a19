package storecheck_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"quern/features/diag"
	"quern/pipeline/store"
	"quern/pipeline/store/storecheck"
)

func TestLocalFoldersAreGood(t *testing.T) {
	root := t.TempDir()
	st, err := store.NewLocal(root)
	if err != nil {
		t.Fatal(err)
	}
	found := storecheck.Check(context.Background(), st, 20)
	if len(found) != 5 {
		t.Errorf("only %d promises were tried", len(found))
	}
	for _, f := range found {
		if f.Err != nil || f.Value == "" {
			t.Errorf("%s: %q, %v", f.Name, f.Value, f.Err)
		}
	}
	if left, err := st.List(context.Background(), ""); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// flawed is a store with a flaw.
type flawed struct {
	store.Store
	flaw string
}

func (f flawed) Create(ctx context.Context, name string) (store.Writer, error) {
	w, err := f.Store.Create(ctx, name)
	return &flawedWriter{w, f, name}, err
}

func (f flawed) Open(ctx context.Context, name string) (store.Reader, error) {
	r, err := f.Store.Open(ctx, name)
	if f.flaw == "ranges" && err == nil {
		return shifted{r}, nil
	}
	return r, err
}

func (f flawed) List(ctx context.Context, prefix string) ([]string, error) {
	names, err := f.Store.List(ctx, prefix)
	if f.flaw == "late list" {
		return nil, err
	}
	return names, err
}

func (f flawed) Remove(ctx context.Context, name string) error {
	switch f.flaw {
	case "no removal":
		return nil
	case "denied removal":
		return diag.New("Q442", "removing %s: access denied", name)
	}
	return f.Store.Remove(ctx, name)
}

// CreateLarge has flaws of its own.
func (f flawed) CreateLarge(ctx context.Context, name string) (store.Writer, error) {
	w, err := f.Store.Create(ctx, name)
	if f.flaw == "two win in parts" {
		return &flawedWriter{w, flawed{f.Store, "two win"}, name}, err
	}
	return w, err
}

// shifted gives every byte one too late.
type shifted struct{ store.Reader }

func (s shifted) ReadAt(b []byte, off int64) (int, error) { return s.Reader.ReadAt(b, off+1) }

type flawedWriter struct {
	store.Writer
	f    flawed
	name string
}

func (w *flawedWriter) Commit() error {
	err := w.Writer.Commit()
	switch lost := errors.Is(err, store.ErrExists); {
	case w.f.flaw == "second write" && lost,
		w.f.flaw == "two win" && lost && !strings.HasSuffix(w.name, "sample"):
		return nil
	case w.f.flaw == "nobody wins" && err == nil && !strings.HasSuffix(w.name, "sample"):
		return store.ErrExists
	case w.f.flaw == "no space" && err == nil:
		return os.ErrPermission
	}
	return err
}

// TestFlawsAreFound plants flaws into a good store.
func TestFlawsAreFound(t *testing.T) {
	for flaw, want := range map[string]string{
		"none": "", "second write": "write", "ranges": "read", "late list": "list", "two win": "put-if-absent", "nobody wins": "put-if-absent",
		"two win in parts": "in parts", "no removal": "remove", "denied removal": "remove", "no space": "write",
	} {
		local, err := store.NewLocal(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		broken := ""
		for _, f := range storecheck.Check(context.Background(), flawed{local, flaw}, 3) {
			if f.Err != nil && broken == "" {
				broken = f.Name
			}
		}
		if broken != want {
			t.Errorf("%s is found by %q, want %q", flaw, broken, want)
		}
	}
}
