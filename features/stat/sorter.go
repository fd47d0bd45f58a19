package stat

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"sort"
)

// sorter sorts the entries of a table, most significant bits first. It works in
// place where it has no memory to spare: a table spills because there is none left.
// The bits of a digit are the first ones that differ among the keys at hand, so
// neither common prefixes nor the constant bits of text cost a pass.
type sorter struct {
	*table
	spare []entry                // room for entries on their way
	limit int                    // places from here on need no order
	next  [1 << digitBits]uint32 // of the digit at hand: where each bucket goes on
	ends  []uint32               // where the buckets end, of all digits down to the one at hand
	// A worker of its own sorts each range of at most apart entries; 0: there are none.
	apart int
	jobs  []sortJob // such ranges, for runJobs
}

// sortJob is a range of entries to be sorted by words, from the first one on, or by
// what they hold before: w0 has been put back when a job is run.
type sortJob struct {
	lo, hi int
	held   bool
}

const (
	fewEntries = 24 // are sorted by insertion
	digitBits  = 10
	digitRuns  = 4  // of bits in a digit
	maxDepth   = 32 // words of a key that are sorted by digits
)

// newSorter takes as much memory as the budget leaves and can be of use, and makes
// the table forget where its entries are.
func newSorter(t *table, limit int) *sorter {
	spare := t.n
	if t.budget > 0 {
		left := max(0, t.budget-t.bytes()) / entryBytes
		spare = int(min(int64(t.n), max(left, int64(min(segLen, t.n/8)))))
	}
	t.unindex()
	s := &sorter{table: t, spare: make([]entry, spare), limit: limit}
	if workers := workersFor(t.n); workers > 1 {
		s.apart = t.n / (4 * workers)
	}
	return s
}

// leave puts a range aside for a worker of its own, if it should have one.
func (s *sorter) leave(lo, hi int, held bool) bool {
	if hi-lo > s.apart {
		return false
	}
	s.jobs = append(s.jobs, sortJob{lo, hi, held})
	return true
}

// runJobs sorts the ranges that were put aside. Workers share the spare memory.
func (s *sorter) runJobs() {
	if len(s.jobs) == 0 {
		return
	}
	workers := min(workersFor(s.n), len(s.jobs))
	own := make([]*sorter, workers)
	for w := range own {
		n := len(s.spare)
		own[w] = &sorter{table: s.table, spare: s.spare[w*n/workers : (w+1)*n/workers], limit: s.limit}
	}
	jobs := s.jobs
	s.jobs = nil
	beside(workers, len(jobs), func(worker, i int) {
		if j := jobs[i]; j.held {
			own[worker].counts(j.lo, j.hi)
		} else {
			own[worker].words(j.lo, j.hi, 0)
		}
	})
}

// sortByKey puts the entries in ascending order of their keys, null first.
func (t *table) sortByKey() {
	if t.order == byKey {
		return
	}
	s := newSorter(t, t.n)
	first := t.nullTo(0)
	s.keys(first, t.n, 0)
	s.runJobs()
	t.order = byKey
}

// sortByCount puts the entries that hold at least least and are not null first,
// those that hold most leading, equal ones in ascending order of their keys. Only
// the first limit are in order. It returns how many there are.
func (t *table) sortByCount(least uint64, limit int) int {
	s := newSorter(t, limit)
	t.order = byCount
	n := 0
	for place := range uint32(t.n) {
		if e := t.at(place); e.held >= least && !e.null() {
			f := t.at(uint32(n))
			*e, *f = *f, *e
			n++
		}
	}
	s.counts(0, n)
	s.runJobs()
	return n
}

// nullTo moves null, if it is there, to place and returns what comes behind it.
func (t *table) nullTo(place int) int {
	for i := range uint32(t.n) {
		if e := t.at(i); e.null() {
			f := t.at(uint32(place))
			*e, *f = *f, *e
			return place + 1
		}
	}
	return place
}

// counts sorts the places lo to hi by what they hold, descending, then by key.
func (s *sorter) counts(lo, hi int) {
	if lo >= s.limit || hi-lo < 2 {
		return
	}
	if s.apart > 0 && s.leave(lo, hi, true) {
		return
	}
	if hi-lo <= fewEntries {
		s.insert(lo, hi, true)
		return
	}
	first, diff := s.at(uint32(lo)).held, uint64(0)
	for i := lo + 1; i < hi; i++ {
		diff |= s.at(uint32(i)).held ^ first
	}
	if diff == 0 {
		s.keys(lo, hi, 0)
		return
	}
	d := newDigit(diff, hi-lo)
	mark := len(s.ends)
	s.scatter(lo, hi, &d, true)
	for i := range d.size {
		end := int(s.ends[mark+i])
		s.counts(lo, end)
		lo = end
	}
	s.ends = s.ends[:mark]
}

// keys sorts the places lo to hi, whose keys are equal in the words before depth.
// Deeper words replace w0, which is the same in all of them, and is put back.
func (s *sorter) keys(lo, hi, depth int) {
	if lo >= s.limit || hi-lo < 2 {
		return
	}
	if depth == 0 {
		s.words(lo, hi, 0)
		return
	}
	if hi-lo <= fewEntries || depth > maxDepth {
		s.ties(lo, hi, depth)
		return
	}
	common := s.at(uint32(lo)).w0
	for i := lo; i < hi; i++ {
		e := s.at(uint32(i))
		e.w0 = e.word(depth, &s.chunks)
	}
	s.words(lo, hi, depth)
	for i := lo; i < hi; i++ {
		s.at(uint32(i)).w0 = common
	}
}

// words sorts the places lo to hi by w0, then by the words behind depth.
func (s *sorter) words(lo, hi, depth int) {
	if lo >= s.limit || hi-lo < 2 {
		return
	}
	if s.apart > 0 && s.leave(lo, hi, false) {
		return
	}
	if hi-lo <= fewEntries {
		s.insert(lo, hi, false)
		return
	}
	first, diff := s.at(uint32(lo)).w0, uint64(0)
	for i := lo + 1; i < hi; i++ {
		diff |= s.at(uint32(i)).w0 ^ first
	}
	if diff == 0 {
		s.keys(lo, hi, depth+1)
		return
	}
	d := newDigit(diff, hi-lo)
	mark := len(s.ends)
	s.scatter(lo, hi, &d, false)
	for i := range d.size {
		end := int(s.ends[mark+i])
		s.words(lo, end, depth)
		lo = end
	}
	s.ends = s.ends[:mark]
}

// ties sorts keys that agree in many words, or are few, by all of their bytes.
func (s *sorter) ties(lo, hi, depth int) {
	if hi-lo <= fewEntries {
		s.insert(lo, hi, false)
		return
	}
	sort.Sort(&deep{s, lo, hi - lo})
}

// deep is the entries from a place on, to be compared as a whole.
type deep struct {
	*sorter
	from, n int
}

func (d *deep) Len() int { return d.n }
func (d *deep) Less(i, j int) bool {
	return d.lessKey(d.at(uint32(d.from+i)), d.at(uint32(d.from+j)))
}
func (d *deep) Swap(i, j int) {
	e, f := d.at(uint32(d.from+i)), d.at(uint32(d.from+j))
	*e, *f = *f, *e
}

// word returns word depth, 1 or more, of a key: bytes 8 to 14, then 7 at a time,
// each followed by a byte that orders keys that end: see packed.
func (e *entry) word(depth int, long *arena) uint64 {
	if !e.long() {
		return e.w1
	}
	key := long.get(e.w1)
	from := 7*depth + 1
	if from+8 <= len(key) {
		return binary.BigEndian.Uint64(key[from:]) | 0xff
	}
	var w uint64
	rest := key[min(from, len(key)):] // at most 7 bytes, and depth is 2 or more
	for i := range 7 {
		w <<= 8
		if i < len(rest) {
			w |= uint64(rest[i])
		}
	}
	return w<<8 | uint64(len(rest))
}

// lessKey orders keys whose words before w0 are equal.
func (s *sorter) lessKey(a, b *entry) bool {
	if a.w0 != b.w0 {
		return a.w0 < b.w0
	}
	if a.long() && b.long() {
		return bytes.Compare(s.chunks.get(a.w1), s.chunks.get(b.w1)) < 0
	}
	return a.word(1, &s.chunks) < b.word(1, &s.chunks)
}

// insert sorts a few entries, by what they hold first if held.
func (s *sorter) insert(lo, hi int, held bool) {
	for i := lo + 1; i < hi; i++ {
		e := *s.at(uint32(i))
		j := i
		for ; j > lo; j-- {
			f := s.at(uint32(j - 1))
			if held && e.held != f.held {
				if e.held < f.held {
					break
				}
			} else if e.w0 > f.w0 || e.w0 == f.w0 && !s.lessKey(&e, f) {
				break
			}
			*s.at(uint32(j)) = *f
		}
		*s.at(uint32(j)) = e
	}
}

// digit is up to digitBits bits of a word, in order: runs of them, each moved to
// its place.
type digit struct {
	shift [digitRuns]uint8
	mask  [digitRuns]uint64
	size  int
	flip  uint64 // counts descend
}

// newDigit takes the leading bits of diff, fewer for few entries.
func newDigit(diff uint64, n int) (d digit) {
	want := min(digitBits, max(4, bits.Len(uint(n))-2))
	var runs [digitRuns][2]int // each: the lowest bit, how many
	total, k := 0, 0
	for ; k < digitRuns && diff != 0 && total < want; k++ {
		top := 64 - bits.LeadingZeros64(diff)
		length := min(bits.LeadingZeros64(^(diff << (64 - top))), want-total)
		runs[k] = [2]int{top - length, length}
		total += length
		diff &= 1<<(top-length) - 1
	}
	left := total
	for i, r := range runs[:k] {
		left -= r[1]
		d.shift[i] = uint8(r[0] - left) // a lower bit always has a lower place: not negative
		d.mask[i] = (1<<r[1] - 1) << left
	}
	d.size = 1 << total
	return d
}

func (d *digit) of(w uint64) uint64 {
	x := w>>(d.shift[0]&63)&d.mask[0] | w>>(d.shift[1]&63)&d.mask[1]
	return x | w>>(d.shift[2]&63)&d.mask[2] | w>>(d.shift[3]&63)&d.mask[3]
}

// scatter moves the places lo to hi into the buckets of a digit and appends where the buckets end. The digit is of what entries hold, descending, or
// of w0, ascending.
func (s *sorter) scatter(lo, hi int, d *digit, held bool) {
	if held {
		d.flip = uint64(d.size - 1)
	}
	next := &s.next
	clear(next[:d.size])
	for i := lo; i < hi; i++ {
		next[d.bucket(s.at(uint32(i)), held)]++
	}
	mark, at := len(s.ends), uint32(lo)
	for b, n := range next[:d.size] {
		next[b] = at
		at += n
		s.ends = append(s.ends, at)
	}
	if hi-lo <= len(s.spare) {
		for i := lo; i < hi; i++ {
			e := s.at(uint32(i))
			b := d.bucket(e, held)
			s.spare[int(next[b])-lo] = *e
			next[b]++
		}
		s.fill(lo, s.spare[:hi-lo])
		return
	}
	s.cycle(d, held, s.ends[mark:])
}

// fill copies entries to the places from lo on.
func (s *sorter) fill(lo int, from []entry) {
	for len(from) > 0 {
		n := copy(s.segs[lo>>segBits][lo&(segLen-1):], from)
		lo, from = lo+n, from[n:]
	}
}

// cycle moves entries in place to the buckets that end at ends.
func (s *sorter) cycle(d *digit, held bool, ends []uint32) {
	next := &s.next
	for b, end := range ends {
		for next[b] < end {
			place := s.at(next[b])
			if to := d.bucket(place, held); to != b {
				e := *place
				for to != b {
					f := s.at(next[to])
					next[to]++
					e, *f = *f, e
					to = d.bucket(&e, held)
				}
				*place = e
			}
			next[b]++
		}
	}
}

func (d *digit) bucket(e *entry, held bool) int {
	if held {
		return int(d.of(e.held)^d.flip) & (1<<digitBits - 1)
	}
	return int(d.of(e.w0)) & (1<<digitBits - 1)
}
