package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"quern/features/diag"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/pipeline/store"
	"quern/pipeline/store/s3"
)

// places returns the stores that URIs may name. Nothing is asked of them before one is
// used.
func places() store.Places {
	return store.Places{s3.Scheme: s3.NewClient(s3.FromEnvironment()).Open}
}

// maxModel is how long a model in a store may be: it is read into memory whole.
const maxModel = 4 << 30

// readFile returns the bytes of a file of the local disk or of a store.
func (a *app) readFile(ctx context.Context, path string) ([]byte, error) {
	if store.Scheme(path) == "" {
		return os.ReadFile(path)
	}
	r, err := a.places.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if r.Size() > maxModel {
		return nil, fmt.Errorf("it has %d bytes", r.Size())
	}
	data := make([]byte, r.Size())
	_, err = io.ReadFull(io.NewSectionReader(r, 0, r.Size()), data)
	return data, err
}

// readModel reads and verifies a model file.
func (a *app) readModel(ctx context.Context, path string) (*model.Model, error) {
	data, err := a.readFile(ctx, path)
	if err != nil {
		return nil, diag.New("Q511", "cannot read the model").Because(err)
	}
	m, err := model.Read(data)
	var e *diag.Error
	if errors.As(err, &e) {
		err = e.In(diag.Data{File: path, RowGroup: -1, Row: -1})
	}
	return m, err
}

// readModelRecipe reads a model and the recipe in it, whose paths are relative to
// the model's folder.
func (a *app) readModelRecipe(ctx context.Context, path string) (*model.Model, *recipe.Recipe, error) {
	m, err := a.readModel(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	r, err := recipe.Parse(path, m.Recipe)
	return m, r, err
}

// writeModel writes a model file: whole or not at all.
func (a *app) writeModel(ctx context.Context, path string, m *model.Model) error {
	data, err := m.Bytes()
	if err != nil {
		return err
	}
	return a.replace(ctx, path, data)
}

// replace gives a file of the local disk or of a store new contents: whole or not at all.
func (a *app) replace(ctx context.Context, path string, data []byte) error {
	if store.Scheme(path) != "" {
		return a.replaceObject(ctx, path, data)
	}
	return replaceFile(path, data)
}

// replaceObject gives an object of a store new contents.
func (a *app) replaceObject(ctx context.Context, uri string, data []byte) error {
	root, name := store.SplitURI(uri)
	st, err := a.places.Store(ctx, root)
	if err != nil {
		return err
	}
	r, ok := st.(store.Replacer)
	if !ok {
		return diag.New("Q512", "cannot write %s: its store replaces nothing", uri)
	}
	if err := r.Replace(ctx, name, data); err != nil {
		return diag.New("Q512", "cannot write %s", uri).Because(err)
	}
	return nil
}

// replaceFile gives path new contents: its name never stands for half of them.
func replaceFile(path string, data []byte) error {
	if err := tryReplace(path, data); err != nil {
		var of *fs.PathError
		if errors.As(err, &of) {
			err = of.Err // the path of the attempt means nothing to the user
		}
		return diag.New("Q512", "cannot write %s", path).Because(err)
	}
	return nil
}

func tryReplace(path string, data []byte) error {
	folder, attempts := filepath.Dir(path), "."+filepath.Base(path)+"."
	sweepAttempts(folder, attempts)
	beside := filepath.Join(folder, fmt.Sprintf("%s%d.%s", attempts, os.Getpid(), rand.Text()))
	f, err := os.OpenFile(beside, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer os.Remove(beside)
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Rename(beside, path)
}

// sweepAttempts removes what processes of this machine that are dead have left. Should a
// process of another machine have the number of a dead one, its attempt fails, and is
// made again.
func sweepAttempts(folder, attempts string) {
	entries, _ := os.ReadDir(folder) // if that fails, so will what comes next
	for _, e := range entries {
		rest, found := strings.CutPrefix(e.Name(), attempts)
		number, _, _ := strings.Cut(rest, ".")
		pid, err := strconv.Atoi(number)
		if !found || err != nil || pid <= 0 || pid == os.Getpid() {
			continue
		}
		p, err := os.FindProcess(pid)
		if err == nil && errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone) {
			os.Remove(filepath.Join(folder, e.Name()))
		}
	}
}

// beside returns where the model goes: path, or NAME.quern beside the recipe.
func beside(path string, r *recipe.Recipe) string {
	if path != "" {
		return path
	}
	name := r.Name.Text
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(r.File), filepath.Ext(r.File))
	}
	return filepath.Join(filepath.Dir(r.File), name+".quern")
}
