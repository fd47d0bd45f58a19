package serve

import (
	"fmt"
	"strconv"

	"quern/serve/live"
	"quern/serve/overlay"
)

// writePushes writes what is known of pushed rows; nothing where they are somebody else's.
func writePushes(p page, g *live.Generation) {
	owner := g.Overlays()
	if owner == nil {
		return
	}
	all := owner.Counts()
	p.one("quern_pushes_total", "counter", "Pushes to one view that were acknowledged.", all.Pushes)
	p.one("quern_pushed_rows_total", "counter", "Rows of them.", all.Rows)
	p.one("quern_push_failures_total", "counter", "Pushes that could not be kept, for no fault of the client.", all.Failures)
	p.one("quern_compactions_total", "counter", "Versions that were made of pushed rows.", all.Compactions)
	p.one("quern_compaction_failures_total", "counter", "Attempts at that which failed. The rows are safe, and it is tried again.", all.CompactionFailures)
	p.head("quern_compaction_seconds_total", "counter", "Time that the compactions took.")
	fmt.Fprintf(p, "quern_compaction_seconds_total %.3f\n", all.CompactionTime.Seconds())
	views := g.Views()
	stats := make([]overlay.Stats, len(views))
	for i, l := range views {
		stats[i] = l.Overlay()
	}
	each := func(name, kind, help string, value func(overlay.Stats) int64) {
		p.head(name, kind, help)
		for i, l := range views {
			fmt.Fprintf(p, "%s{view=%q} %s\n", name, l.View().Name, strconv.FormatInt(value(stats[i]), 10))
		}
	}
	each("quern_overlay_rows", "gauge", "Keys with a pushed row that is in no segment yet.", func(s overlay.Stats) int64 { return s.Rows })
	each("quern_overlay_bytes", "gauge", "Memory of them.", func(s overlay.Stats) int64 { return s.Bytes })
	each("quern_overlay_log_bytes", "gauge", "Bytes of the write-ahead log.", func(s overlay.Stats) int64 { return s.LogBytes })
	each("quern_overlay_sequence", "counter", "Number of the last pushed row.", func(s overlay.Stats) int64 { return int64(s.Durable) })
	each("quern_overlay_compacted_sequence", "counter", "Number of the last pushed row that every replica finds in segments.", func(s overlay.Stats) int64 { return int64(s.Trimmed) })
	each("quern_overlay_writable", "gauge", "0 where the log takes no more writes until the server is started again.", func(s overlay.Stats) int64 {
		if s.Failed != nil {
			return 0
		}
		return 1
	})
}
