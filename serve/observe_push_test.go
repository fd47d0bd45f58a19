package serve

import (
	"context"
	"testing"

	"quern/serve/audit"
)

// TestPushesAreAudited: pushed rows are marked in the log, before and after they are
// compacted, and the others of a compacted version are checked against what it is made of.
func TestPushesAreAudited(t *testing.T) {
	s := published(t)
	r := newPushRig(t, s, t.TempDir(), nil)
	folder := t.TempDir()
	l, err := audit.Open(audit.Options{Folder: folder, Share: 1, Log: t.Logf})
	check(t, err)
	r.server.c.Audit = l
	ask := func() { r.ask(t, 0, 1, 2, 99) }
	ask()
	r.push(t, 1, 11)
	ask()
	r.compact(t)
	r.reload(t)
	ask()
	l.Close()
	report, err := audit.Check(context.Background(), folder, audit.CheckOptions{Options: s.Options, Views: s.Store})
	check(t, err)
	if report.Rows != 12 || report.Checked != 10 || report.Skipped != 2 || report.Mismatches != 0 || len(report.Views) != 2 {
		t.Errorf("%+v", report)
		for _, v := range report.Views {
			t.Errorf("%+v", v)
		}
	}
	for _, v := range report.Views {
		if v.Skipped["pushed after the version was published"] != 1 || v.Why != "" {
			t.Errorf("%+v", v)
		}
	}
}
