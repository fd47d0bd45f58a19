package infer

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quern/pipeline/recipe"
)

// array writes n elements as JSON.
func array(n int, element func(i int) string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = element(i)
	}
	return "[" + strings.Join(all, ",") + "]"
}

// TestEachKindOfList: lengths and elements decide on the steps.
func TestEachKindOfList(t *testing.T) {
	var lines strings.Builder
	for i := range 400 {
		long := i % 20
		if i == 399 {
			long = 200
		}
		fmt.Fprintf(&lines, `{"tags":%s,"words":%s,"item_ids":%s,"marks":%s,"seen":%s,"liked":%s,"none":[],"same":["x"],"free":%s}`+"\n",
			[]string{array(i%6, func(k int) string { return fmt.Sprintf(`"tag %d"`, (i+k)%12) }), "null"}[min(1, i%50/49)],
			array(long, func(k int) string { return fmt.Sprintf(`"word %d"`, (i*31+k)%1500) }),
			array(i%3, func(k int) string { return fmt.Sprint((i + k) % 40) }),
			array(i%4, func(k int) string { return fmt.Sprintf("%d.5", (i+k)%10) }),
			array(i%3, func(k int) string { return fmt.Sprintf(`"2001-01-%02d"`, (i+k)%28+1) }),
			array(i%3, func(k int) string { return []string{"true", "false"}[(i+k)%2] }),
			array(2, func(k int) string { return fmt.Sprintf(`"text %d %d"`, i, k) }))
	}
	got := proposedFor(t, recipe.JSONL, t.TempDir(), lines.String(), "")
	for _, want := range []string{
		"columns: [tags]\n    steps:\n      - categorify\n      - pad: {length: 5}\n",
		"columns: [words]\n    steps:\n      - hash_bucket: {buckets: 4096}\n      - pad: {length: 18}\n",
		"columns: [item_ids]\n    steps:\n      - categorify\n      - pad: {length: 2}\n",
		"columns: [marks]\n    steps:\n      - pool: {by: mean}\n      - fill: {with: median}\n      - standardize\n",
		"columns: [seen]\n    steps:\n      - pool: {by: length}\n",
		"columns: [liked]\n    steps:\n      - pool: {by: mean}\n",
		"2.0 % nulls, 16.8 % empty, the longest has 5 elements; 12 values in 974 elements, no nulls; few enough for an id each; padded to the longest",
		"95 % have at most 18 elements, the longest has 200 elements", "padded or cut to 18, on the right", "ids by the column's name",
		"0.5 to 9.5, median 5.5, pooled to the mean of each list", "pooled to the share of true", "pooled to how many there are",
		"none (list<string>): its lists hold no value at all", "same (list<string>): its lists hold one value only", "free (list<string>): all 800 elements differ",
	} {
		if !strings.Contains(strings.ReplaceAll(got, "\n  # ", " "), want) && !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// TestWhateverIsProposedForListsRuns draws tables of lists: a proposal always runs.
func TestWhateverIsProposedForListsRuns(t *testing.T) {
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		kinds := [][]string{{"0", "1", "-7", "null"}, {"0.5", "1", "-1e300", "null"}, {"true", "false", "null"}, {`"a"`, `""`, `"ü"`, "null"},
			{`"2001-01-01"`, `"2004-02-29"`, "null"}, {`"2001-01-01T00:00:00Z"`, "null"}}
		element := rapid.SampledFrom(rapid.SampledFrom(kinds).Draw(t, "kind"))
		var b strings.Builder
		for range rapid.SampledFrom([]int{1, 2, 49, 50, 51, 65}).Draw(t, "rows") {
			list := rapid.SliceOfN(element, 0, 4).Draw(t, "list")
			cell := "[" + strings.Join(list, ", ") + "]"
			if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
				cell = "null"
			}
			fmt.Fprintf(&b, "{\"a\": %s, \"n\": 1}\n", cell)
		}
		proposedFor(t, recipe.JSONL, folder, b.String(), "")
	})
}

func TestNamesIDs(t *testing.T) {
	for name, want := range map[string]bool{"id": true, "ids": true, "item_ids": true, "movieIds": true, "ID": true, "userID": true, "paid": false, "s": false, "": false, "ratings": false} {
		if namesIDs(name) != want {
			t.Errorf("%s", name)
		}
	}
}
