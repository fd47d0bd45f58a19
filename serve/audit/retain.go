package audit

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

const suffix = ".parquet"

// isLogFile recognises the names that a log gives its files: nothing else is ever removed.
func isLogFile(name string) bool {
	matched, err := regexp.MatchString(`^[^/]+/[^/]+/\d{8}T\d{6}Z-[0-9a-f]{8}-\d{6,}\.parquet$`, name)
	return err == nil && matched
}

// logFile is a file of a log on disk.
type logFile struct {
	name string // slash-separated, within the folder
	at   time.Time
	size int64
}

// filesOf lists the files of a log, the oldest first.
func (l *Log) files() ([]logFile, error) {
	names, err := l.store.List(context.Background(), "")
	if err != nil {
		return nil, err
	}
	var all []logFile
	for _, name := range names {
		if !isLogFile(name) {
			continue
		}
		info, err := os.Stat(filepath.Join(l.store.Location(), filepath.FromSlash(name)))
		if err != nil {
			continue // another server removed it
		}
		all = append(all, logFile{name, info.ModTime(), info.Size()})
	}
	slices.SortFunc(all, func(a, b logFile) int { return a.at.Compare(b.at) })
	return all, nil
}

// retain removes files that are too old, and then the oldest until the rest is small enough.
func (l *Log) retain(now time.Time) {
	all, err := l.files()
	if err != nil {
		l.writer.failed(0, err)
		return
	}
	total := int64(0)
	for _, f := range all {
		total += f.size
	}
	for len(all) > 0 && (now.Sub(all[0].at) > l.o.MaxAge || total > l.o.MaxBytes) {
		if err := l.store.Remove(context.Background(), all[0].name); err != nil {
			l.writer.failed(0, err)
			return
		}
		for dir := path.Dir(all[0].name); dir != "."; dir = path.Dir(dir) {
			if os.Remove(filepath.Join(l.store.Location(), filepath.FromSlash(dir))) != nil {
				break // it is not empty
			}
		}
		total -= all[0].size
		all = all[1:]
	}
	l.counts.Files.Store(int64(len(all)))
	l.counts.Bytes.Store(total)
}
