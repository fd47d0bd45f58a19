package s3_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"quern/features/diag"
	"quern/internal/s3test"
	"quern/pipeline/store"
	"quern/pipeline/store/s3"
	"quern/pipeline/store/storecheck"
)

// quick are options for a server that is near.
func quick(s *s3test.Server, endpoint string) s3.Options {
	return s3.Options{Endpoint: endpoint, Region: "us-east-1", Key: s.Key, Secret: s.Secret, PathStyle: true,
		Attempts: 4, Pause: 5 * time.Millisecond, Timeout: 10 * time.Second}
}

// open returns a store, straight or through a proxy.
func open(t testing.TB, o s3.Options, uri string) *s3.Store {
	t.Helper()
	st, err := s3.NewClient(o).Open(context.Background(), uri)
	if err != nil {
		t.Fatal(err)
	}
	return st.(*s3.Store)
}

func put(s store.Store, name string, data []byte) error {
	w, err := s.Create(context.Background(), name)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write(data); err != nil {
		return err
	}
	return errors.Join(w.Sync(), w.Commit())
}

func get(t testing.TB, s store.Store, name string) []byte {
	t.Helper()
	r, err := s.Open(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data := make([]byte, r.Size())
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, r.Size()), data); err != nil {
		t.Fatal(err)
	}
	return data
}

// noise returns n bytes that nobody could have made by accident.
func noise(n int) []byte {
	data := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(data)
	return data
}

func list(t testing.TB, s store.Store, prefix string) []string {
	t.Helper()
	names, err := s.List(context.Background(), prefix)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestObjectsAppearWholeAtCommit(t *testing.T) {
	server := s3test.Start(t)
	bucket := server.Bucket(t)
	s := open(t, quick(server, server.Endpoint), "s3://"+bucket+"/a/b/")
	ctx := context.Background()
	if s.Location() != "s3://"+bucket+"/a/b" {
		t.Errorf("location %s", s.Location())
	}
	if err := s.Probe(ctx); err != nil {
		t.Fatal(err)
	}
	if names := list(t, s, ""); len(names) != 0 {
		t.Fatalf("an empty store lists %v", names)
	}
	w, err := s.Create(ctx, "x/part")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "half")
	if _, err := s.Open(ctx, "x/part"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("before Commit: %v", err)
	}
	io.WriteString(w, " and half")
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if w.Commit() == nil {
		t.Error("a second Commit succeeded")
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	if got := get(t, s, "x/part"); string(got) != "half and half" {
		t.Errorf("read %q", got)
	}
	if err := put(s, "x/part", []byte("other")); !errors.Is(err, store.ErrExists) {
		t.Errorf("second writer: %v", err)
	}
	for _, name := range []string{"a.txt", "empty", "x/ü &=+%20?.txt"} {
		if err := put(s, name, []byte(name[:len(name)%5])); err != nil {
			t.Fatal(name, err)
		}
		if got := get(t, s, name); string(got) != name[:len(name)%5] {
			t.Errorf("%s: read %q", name, got)
		}
	}
	if got := list(t, s, ""); !slices.Equal(got, []string{"a.txt", "empty", "x/part", "x/ü &=+%20?.txt"}) {
		t.Errorf("listed %q", got)
	}
	if got := list(t, open(t, quick(server, server.Endpoint), "s3://"+bucket), "a/b/x/"); len(got) != 2 || got[0] != "a/b/x/part" {
		t.Errorf("listed %q", got)
	}
	if err := errors.Join(s.Remove(ctx, "a.txt"), s.Remove(ctx, "a.txt"), s.Remove(ctx, "never")); err != nil {
		t.Error(err)
	}
	if err := s.Replace(ctx, "empty", []byte("not any more")); err != nil || string(get(t, s, "empty")) != "not any more" {
		t.Error(err)
	}
	for _, name := range []string{"", ".", "../x", "/x", "x//y", "x/", "./x"} {
		if err := put(s, name, nil); err == nil {
			t.Errorf("wrote %q", name)
		}
		if _, err := s.Open(ctx, name); err == nil {
			t.Errorf("opened %q", name)
		}
	}
}

// TestLongListsAreWhole lists more names than a page has.
func TestLongListsAreWhole(t *testing.T) {
	server := s3test.Start(t)
	bucket := server.Bucket(t)
	s := open(t, quick(server, server.Endpoint), "s3://"+bucket)
	var want []string
	for i := range 2000 {
		want = append(want, fmt.Sprintf("deep/%04d", i))
	}
	server.Put(t, bucket, want...)
	if got := list(t, s, ""); !slices.Equal(got, want) {
		t.Errorf("%d names, want %d", len(got), len(want))
	}
	if got := list(t, s, "dee"); len(got) != 0 {
		t.Errorf("the folder dee has %d objects", len(got))
	}
}

// TestLargeObjects writes objects around the borders of parts, in writes of several sizes.
func TestLargeObjects(t *testing.T) {
	const part = 5 << 20
	server := s3test.Start(t)
	o := quick(server, server.Endpoint)
	o.PartSize = part
	s := open(t, o, "s3://"+server.Bucket(t)+"/large")
	data := noise(3*part + 1)
	for i, size := range []int{part - 1, part, part + 1, 2 * part, 3*part + 1} {
		for _, step := range []int{70_001, part, 4 * part} {
			name := fmt.Sprintf("%d-%d", i, step)
			w, err := s.Create(context.Background(), name)
			for at := 0; at < size && err == nil; at += step {
				_, err = w.Write(data[at:min(size, at+step)])
			}
			if err := errors.Join(err, w.Commit()); err != nil {
				t.Fatal(err)
			}
			if got := get(t, s, name); !bytes.Equal(got, data[:size]) {
				t.Fatalf("%d bytes in writes of %d: others are there", size, step)
			}
			if err := put(s, name, data[:size]); !errors.Is(err, store.ErrExists) {
				t.Errorf("second writer of %d bytes: %v", size, err)
			}
		}
	}
	w, err := s.Create(context.Background(), "given-up")
	if err != nil {
		t.Fatal(err)
	}
	w.Write(data)
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	if _, err := s.Open(context.Background(), "given-up"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an attempt that was given up: %v", err)
	}
	if left := server.Uploads(t); left != 0 {
		t.Errorf("%d uploads are left", left)
	}
}

// TestReads reads ranges at random, from several goroutines, and compares each.
func TestReads(t *testing.T) {
	server := s3test.Start(t)
	proxy := s3test.NewProxy(t, server)
	s := open(t, quick(server, proxy.Endpoint), "s3://"+server.Bucket(t))
	data := noise(6<<20 + 123)
	if err := put(s, "x", data); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(context.Background(), "x")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for seed := range 4 {
		group.Go(func() {
			dice := rand.New(rand.NewPCG(uint64(seed), 1))
			for range 40 {
				at := dice.IntN(len(data) + 10)
				got := make([]byte, dice.IntN(1<<dice.IntN(22)))
				n, err := r.ReadAt(got, int64(at))
				want := data[min(at, len(data)):min(at+len(got), len(data))]
				if n != len(want) || !bytes.Equal(got[:n], want) || (n < len(got)) != (err == io.EOF) {
					t.Errorf("%d bytes at %d: %d bytes, %v", len(got), at, n, err)
				}
			}
		})
	}
	group.Wait()
	proxy.Fail(nil)
	small := make([]byte, 8)
	r, err = s.Open(context.Background(), "x")
	for i := 1; i <= 8 && err == nil; i++ { // as footers are read: the last bytes, then what they say is before them
		_, err = r.ReadAt(small, int64(len(data)-8*i))
		if !bytes.Equal(small, data[len(data)-8*i:len(data)-8*i+8]) {
			t.Errorf("other bytes %d before the end", 8*i)
		}
	}
	if err != nil || proxy.Count("get") != 1 || proxy.Received.Load() != 64<<10 {
		t.Errorf("the end took %d requests for %d bytes, %v", proxy.Count("get"), proxy.Received.Load(), err)
	}
	proxy.Fail(nil)
	again := r.(store.Reopener).Reopen(context.Background())
	if _, err := io.Copy(io.Discard, io.NewSectionReader(again, 0, again.Size())); err != nil {
		t.Fatal(err)
	}
	if n := proxy.Count("get"); n > 20 || proxy.Received.Load() > again.Size()+64<<10 || proxy.Count("head") > 0 {
		t.Errorf("a sequence of small reads took %d requests for %d bytes", n, proxy.Received.Load())
	}
}

// TestChangesAreNoticed replaces and removes an object under its reader.
func TestChangesAreNoticed(t *testing.T) {
	server := s3test.Start(t)
	s := open(t, quick(server, server.Endpoint), "s3://"+server.Bucket(t))
	ctx := context.Background()
	for i, change := range []func(name string) error{
		func(name string) error { return s.Replace(ctx, name, noise(200_001)[1:]) },
		func(name string) error { return s.Replace(ctx, name, nil) },
		func(name string) error { return s.Remove(ctx, name) },
	} {
		name := fmt.Sprint("x", i)
		if err := put(s, name, noise(200_000)); err != nil {
			t.Fatal(err)
		}
		r, err := s.Open(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.ReadAt(make([]byte, 10), 0); err != nil {
			t.Fatal(err)
		}
		if err := change(name); err != nil {
			t.Fatal(err)
		}
		for _, reader := range []store.Reader{r, r.(store.Reopener).Reopen(ctx)} {
			_, err = reader.ReadAt(make([]byte, 10), 100_000)
			var e *diag.Error
			if !errors.As(err, &e) || e.Code != "Q214" {
				t.Errorf("change %d: %v", i, err)
			}
		}
	}
}

// TestStoreIsGood asks the doctor, and plays the races that it plays in one process with
// eight.
func TestStoreIsGood(t *testing.T) {
	server := s3test.Start(t)
	bucket := server.Bucket(t)
	s := open(t, quick(server, server.Endpoint), "s3://"+bucket+"/x")
	found := storecheck.Check(context.Background(), s, 20)
	for _, f := range found {
		if f.Err != nil {
			t.Errorf("%s: %v", f.Name, f.Err)
		}
	}
	if len(found) != 6 {
		t.Errorf("only %d promises were tried", len(found))
	}
	if left := list(t, open(t, quick(server, server.Endpoint), "s3://"+bucket), ""); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if left := server.Uploads(t); left != 0 {
		t.Errorf("%d uploads are left", left)
	}
}

// raceKeys returns how many names the processes race for, one after the other.
func raceKeys() int {
	if os.Getenv("QUERN_LONG") != "" {
		return 2000
	}
	return 40
}

// TestMain lets the test binary play other processes: each writes its number under all
// names, odd ones in parts, and prints those that it won.
func TestMain(m *testing.M) {
	endpoint := os.Getenv("QUERN_S3_CHILD")
	if endpoint == "" {
		minio.DefaultRetryUnit = time.Millisecond // the library pauses even where it does not ask again
		os.Exit(m.Run())
	}
	o := s3.Options{Endpoint: endpoint, Region: "us-east-1", Key: os.Args[1], Secret: os.Args[2], PathStyle: true}
	st, err := s3.NewClient(o).Open(context.Background(), os.Args[3])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if os.Args[4] == "hold" {
		hold(st)
	}
	for i := range raceKeys() {
		name := fmt.Sprint("key-", i)
		create := st.Create
		if i%2 == 1 {
			create = st.(store.LargeCreator).CreateLarge
		}
		w, err := create(context.Background(), name)
		if err == nil {
			io.WriteString(w, os.Args[4])
			err = w.Commit()
		}
		switch {
		case err == nil:
			fmt.Println(name)
		case !errors.Is(err, store.ErrExists):
			fmt.Println(err)
		}
	}
	os.Exit(0)
}

// hold uploads two parts of an object, says so, and waits to be killed.
func hold(st store.Store) {
	w, err := st.Create(context.Background(), "held")
	if err == nil {
		_, err = w.Write(noise(17<<20 + 1))
	}
	fmt.Println("held", err)
	time.Sleep(time.Minute)
	w.Commit()
}

// TestKilledUploadsAreInvisible kills a process between the parts of an upload.
func TestKilledUploadsAreInvisible(t *testing.T) {
	server := s3test.Start(t)
	uri := "s3://" + server.Bucket(t) + "/x"
	c := exec.Command(os.Args[0], server.Key, server.Secret, uri, "hold")
	c.Env = append(os.Environ(), "QUERN_S3_CHILD="+server.Endpoint)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "held <nil>\n" {
		t.Errorf("the child says %q", line)
	}
	c.Process.Kill()
	c.Wait()
	s := open(t, quick(server, server.Endpoint), uri)
	if names := list(t, s, ""); len(names) > 0 || server.Uploads(t) != 1 {
		t.Errorf("a killed upload left %q and %d uploads", names, server.Uploads(t))
	}
	if err := put(s, "held", []byte("text")); err != nil || string(get(t, s, "held")) != "text" {
		t.Errorf("the next writer: %v", err)
	}
}

// TestOneProcessWins lets eight processes race for many names.
func TestOneProcessWins(t *testing.T) {
	server := s3test.Start(t)
	uri := "s3://" + server.Bucket(t) + "/race"
	var group sync.WaitGroup
	won := make([][]string, 8)
	for i := range won {
		group.Go(func() {
			c := exec.Command(os.Args[0], server.Key, server.Secret, uri, fmt.Sprint("process ", i))
			c.Env = append(os.Environ(), "QUERN_S3_CHILD="+server.Endpoint)
			out, err := c.Output()
			if err != nil {
				t.Error(err)
			}
			won[i] = strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		})
	}
	group.Wait()
	s := open(t, quick(server, server.Endpoint), uri)
	winners := map[string]int{}
	for i, names := range won {
		for _, name := range names {
			if name == "" {
				continue
			}
			if !strings.HasPrefix(name, "key-") {
				t.Errorf("process %d: %s", i, name)
				continue
			}
			winners[name]++
			if got := get(t, s, name); string(got) != fmt.Sprint("process ", i) {
				t.Errorf("%s: process %d won, the bytes are of %s", name, i, got)
			}
		}
	}
	for i := range raceKeys() {
		if n := winners[fmt.Sprint("key-", i)]; n != 1 {
			t.Errorf("key-%d has %d winners", i, n)
		}
	}
}

// TestFromEnvironment checks the variables and the shared configuration.
func TestFromEnvironment(t *testing.T) {
	for _, name := range []string{"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_CA_BUNDLE"} {
		t.Setenv(name, "")
	}
	config := filepath.Join(t.TempDir(), "config")
	t.Setenv("AWS_CONFIG_FILE", config)
	if o := s3.FromEnvironment(); o != (s3.Options{}) {
		t.Errorf("nothing gives %+v", o)
	}
	text := "[default]\nregion = eu-west-1\n[profile work]\noutput = json\nregion=eu-north-1\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := s3.FromEnvironment(); o.Region != "eu-west-1" {
		t.Errorf("region %q", o.Region)
	}
	t.Setenv("AWS_PROFILE", "work")
	t.Setenv("AWS_ENDPOINT_URL", "https://elsewhere")
	if o := s3.FromEnvironment(); o.Region != "eu-north-1" || o.Endpoint != "https://elsewhere" || !o.PathStyle {
		t.Errorf("%+v", o)
	}
	t.Setenv("QUERN_S3_PATH_STYLE", "0")
	t.Setenv("AWS_REGION", "us-west-2")
	t.Setenv("AWS_ENDPOINT_URL_S3", "https://here")
	if o := s3.FromEnvironment(); o.Region != "us-west-2" || o.Endpoint != "https://here" || o.PathStyle {
		t.Errorf("%+v", o)
	}
}
