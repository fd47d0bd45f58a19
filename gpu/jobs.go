package gpu

import (
	"quern/features/column"
	"quern/features/stat"
	"quern/gpu/code"
	"quern/gpu/cuda"
	"quern/gpu/reduce"
)

// mostCells bounds the tuples of codes that a slice has a counter for.
const mostCells = 1 << 20

// abilities returns what kernels can do, for statistics with these specs.
func abilities(spec func(n int) stat.Spec) able {
	return able{
		instruction: code.Supports,
		statistic:   func(n int, args []argument) bool { return reducible(spec(n), args) },
		values:      func(n, i int) bool { return spec(n).Kind == stat.KindKeyedSums && i < 2 },
	}
}

// reducible reports whether there are kernels for a statistic over these registers.
func reducible(spec stat.Spec, args []argument) bool {
	for i, a := range args {
		if a.constant && !(spec.Kind == stat.KindKeyedSums && i == 1 && spec.Folds == 1) {
			return false
		}
	}
	switch spec.Kind {
	case stat.KindGram:
		return false
	case stat.KindKeyedSums:
		return allCoded(args[2:])
	}
	return len(args) == 1 || spec.Kind == stat.KindValueCounts && allCoded(args)
}

func allCoded(args []argument) bool {
	for _, a := range args {
		if !a.coded {
			return false
		}
	}
	return true
}

// newJob returns what is to be done for a tuple of a slice, for a statistic that
// reducible accepts.
func newJob(t tuple, into stat.Statistic, s *slice, memo *memory) job {
	first := t.args[0]
	switch spec := into.Spec(); {
	case spec.Kind == stat.KindKeyedSums:
		return &keyedJob{into: into.(*stat.KeyedSums), args: t.args, memo: memo}
	case len(t.args) > 1:
		return &tupleJob{into: into.(*stat.ValueCounts), args: t.args}
	case s.argument(first).Index != 0:
		return &codesJob{into: into, arg: first}
	}
	switch into := into.(type) {
	case *stat.Tally:
		return &stateJob{kernel: "quern_tally", arg: first, size: reduce.TallyBytes, give: func(state []byte) error { return reduce.Tally(into, state) }}
	case *stat.Extremes:
		return &stateJob{kernel: "quern_tally", arg: first, size: reduce.TallyBytes, give: func(state []byte) error { return reduce.Extremes(into, state) }}
	case *stat.Sums:
		kernel := "quern_sums_real"
		if into.Spec().Types[0].Kind() != column.Floats {
			kernel = "quern_sums_integer"
		}
		return &stateJob{kernel: kernel, arg: first, size: reduce.SumsBytes, give: func(state []byte) error { return reduce.Sums(into, state) }}
	case *stat.Histogram:
		return &stateJob{kernel: "quern_histogram", arg: first, size: reduce.HistogramBytes, give: func(state []byte) error { return reduce.Histogram(into, state) }}
	}
	return newTableJob(first, into)
}

// stateJob is a kernel that leaves a state of fixed size.
type stateJob struct {
	kernel string
	arg    int
	size   int
	give   func(state []byte) error
	state  span
}

func (j *stateJob) place(s *slice) error {
	j.state = s.down(j.size)
	s.launch(j.kernel, reduce.Task{X: s.argument(j.arg), Rows: uint64(s.n), State: s.away(j.state)})
	return nil
}

func (j *stateJob) finish(s *slice) (func(*cuda.Queue), error) { return nil, j.give(s.got(j.state)) }

// codesJob counts the codes of a column, which weigh the slots.
type codesJob struct {
	into  stat.Statistic
	arg   int
	state span
}

func (j *codesJob) place(s *slice) error {
	x := s.argument(j.arg)
	j.state = s.down(4 * int(x.Slots))
	s.launch("quern_codes", reduce.Task{X: x, Rows: uint64(s.n), State: s.away(j.state)})
	return nil
}

func (j *codesJob) finish(s *slice) (func(*cuda.Queue), error) {
	v := widened(s.sources[j.arg].Values)
	counts, err := reduce.Counts(s.got(j.state), v.Len, uint64(s.n))
	if err != nil {
		return nil, err
	}
	j.into.Observe([]column.Column{{Len: v.Len, Values: v}}, counts)
	return nil, nil
}

// tupleJob counts tuples of codes.
type tupleJob struct {
	into  *stat.ValueCounts
	args  []int
	state span
}

func (j *tupleJob) place(s *slice) error {
	columns, cells, err := coded(s, j.args)
	if err != nil {
		return err
	}
	at, err := s.params.columns(columns...)
	if err != nil {
		return err
	}
	j.state = s.down(4 * cells)
	t := reduce.Task{Rows: uint64(s.n), State: s.away(j.state)}
	t.P[0], t.P[1], t.P[2] = at, uint64(len(columns)), uint64(cells)
	s.launch("quern_tuples", t)
	return nil
}

// coded returns the columns of arguments that come as codes, and how many tuples they
// have.
func coded(s *slice, args []int) (columns []code.Column, cells int, err error) {
	slots := make([]int, len(args))
	for i, a := range args {
		columns = append(columns, s.argument(a))
		if columns[i].Index == 0 {
			return nil, 0, errPlain
		}
		slots[i] = int(columns[i].Slots)
	}
	cells, ok := reduce.Tuples(slots, mostCells)
	if !ok {
		return nil, 0, errRoom
	}
	return columns, cells, nil
}

// slots returns what the codes of arguments stand for.
func (s *slice) slots(args []int) []column.Vector {
	values := make([]column.Vector, len(args))
	for i, a := range args {
		values[i] = widened(s.sources[a].Values)
	}
	return values
}

func (j *tupleJob) finish(s *slice) (func(*cuda.Queue), error) {
	return nil, reduce.TupleCounts(j.into, s.slots(j.args), s.got(j.state), uint64(s.n))
}

// keyedJob adds up a target per key and fold. The bits that a sum needs room for are
// known once it has been computed: it begins with what the last slice needed.
type keyedJob struct {
	into   *stat.KeyedSums
	args   []int // target, fold, keys
	memo   *memory
	window reduce.Window
	span   span
	fault  span
	cells  span
}

// faultRange is FAULT_RANGE of gpu/kernels/common.cuh.
const faultRange = 2

func (j *keyedJob) place(s *slice) error {
	keys, n, err := coded(s, j.args[2:])
	if err != nil {
		return err
	}
	folds := j.into.Folds()
	j.window = j.memo.windowOf(j.into.Spec())
	if n*folds > mostCells {
		return errRoom
	}
	j.fault, j.span = s.down(8), s.down(reduce.SpanBytes)
	j.cells = s.down(n * folds * j.window.CellBytes())
	t := reduce.Task{X: s.argument(j.args[0]), Rows: uint64(s.n), State: s.away(j.cells)}
	t.P = [9]uint64{2: uint64(len(keys)), 3: uint64(folds), 4: s.away(j.span), 5: j.window.Low(), 6: uint64(j.window.Words), 7: uint64(n * folds)}
	if j.args[1] != fixed {
		if t.P[0], err = s.params.columns(s.argument(j.args[1])); err != nil {
			return err
		}
	}
	if t.P[1], err = s.params.columns(keys...); err != nil {
		return err
	}
	task, err := s.params.put(t.Append)
	fault := s.away(j.fault)
	s.launchThen("quern_keyed_span", s.n, task, 1, fault)
	s.launchThen("quern_keyed_check", 1, task, 1, fault)
	s.launchThen("quern_keyed_sums", s.n, task, 1, fault)
	return err
}

func (j *keyedJob) finish(s *slice) (func(*cuda.Queue), error) {
	switch fault := s.got(j.fault)[0]; {
	case fault == faultRange:
		j.memo.widen(j.into.Spec(), j.window.Widen(s.got(j.span)))
		return nil, errHost
	case fault != 0:
		return nil, errHost
	}
	return nil, reduce.KeyedTuples(j.into, j.window, s.slots(j.args[2:]), s.got(j.cells))
}

// tableJob counts the values of a plain column in a table of keys.
type tableJob struct {
	into  stat.Statistic
	arg   int
	limit int
	whole bool // rows without room in the table are lost: the table has room for all
	table reduce.Table
	at    uint64 // of the table
	rest  span   // how many rows had no room
	copy  span   // of the table, to come down
	keys  span   // that are listed
	times span
	some  span   // through which they come down
	found []byte // what has come down: keys, then their counts
	first bool
}

// listed is how many keys come down at a time.
const listed = 1 << 16

func newTableJob(arg int, into stat.Statistic) job {
	return &tableJob{into: into, arg: arg, whole: true, first: true}
}

// room returns how many keys the table takes. Entries give up past their limit, so that
// one more tells them.
func (j *tableJob) room(n int) int {
	if spec := j.into.Spec(); spec.Kind == stat.KindEntries && spec.Limit < n {
		j.whole = false
		return spec.Limit + 1
	}
	return n
}

func (j *tableJob) place(s *slice) error {
	j.limit = j.room(s.n)
	places := int(reduce.Places(uint64(j.limit)))
	keys, counts := s.stay(8*places, 0xff), s.stay(8*places, 0)
	j.table = reduce.Table{
		Keys: keys.in(s.slot.work), Counts: counts.in(s.slot.work),
		Places: uint64(places), Limit: uint64(j.limit),
	}
	taken := s.stay((s.n+31)/32*4, 0)
	j.rest, j.copy = s.down(16), s.down(reduce.TableBytes)
	// Threads that look at the limit at the same time may all pass it.
	room := places
	j.keys, j.times = s.stay(8*room, 0), s.stay(8*room, 0)
	j.some = s.out.take(16 * min(room, listed))
	var err error
	if j.at, err = s.params.put(j.table.Append); err != nil {
		return err
	}
	t := reduce.Task{X: s.argument(j.arg), Rows: uint64(s.n), State: j.at}
	t.P[0], t.P[1] = taken.in(s.slot.work), s.away(j.rest)
	if t.P[2], err = j.bins(s); err != nil {
		return err
	}
	s.launch("quern_table_insert", t)
	s.launchThen("quern_table_list", places, j.at, j.keys.in(s.slot.work), j.times.in(s.slot.work), uint64(room), s.away(j.rest)+8)
	s.after = append(s.after, func(q *cuda.Queue) {
		q.Copy(s.slot.stream, s.slot.out.device, j.copy.at, s.slot.in.device, int(j.at-s.slot.in.device.Addr), reduce.TableBytes)
	})
	return nil
}

// bins returns the address of a bitmap of the bins whose values are counted, or 0: all.
func (j *tableJob) bins(s *slice) (uint64, error) {
	spec := j.into.Spec()
	if spec.Kind != stat.KindBinCounts {
		return 0, nil
	}
	bitmap := column.NewBitmap(1 << 16)
	for _, b := range spec.Bins {
		bitmap.Set(int(b))
	}
	at := s.in.take(1 << 13)
	s.uploads = append(s.uploads, func() { copy(at.of(s.slot.in.host), cuda.Bytes(bitmap)) })
	return at.in(s.slot.in.device), nil
}

func (j *tableJob) finish(s *slice) (func(*cuda.Queue), error) {
	if j.first {
		j.first = false
		j.table.Read(s.got(j.copy))
		if j.whole && s.got(j.rest)[0] != 0 || j.table.Used > j.table.Places {
			return nil, errHost
		}
	} else {
		j.found = append(j.found, s.got(j.some)[:min(16*listed, 16*int(j.table.Used)-len(j.found))]...)
	}
	if have := len(j.found) / 16; have < int(j.table.Used) {
		return j.fetch(s, have), nil
	}
	keys, times := split(j.found, int(j.table.Used))
	reduce.KeyCounts(j.into, &j.table, keys, times)
	return nil, nil
}

// fetch has the next keys come down, and behind them their counts.
func (j *tableJob) fetch(s *slice, from int) func(*cuda.Queue) {
	n := min(listed, int(j.table.Used)-from)
	return func(q *cuda.Queue) {
		q.Download(s.slot.stream, s.slot.out.host, j.some.at, s.slot.work, j.keys.at+8*from, 8*n)
		q.Download(s.slot.stream, s.slot.out.host, j.some.at+8*n, s.slot.work, j.times.at+8*from, 8*n)
	}
}

// split takes runs of keys and counts apart.
func split(found []byte, n int) (keys, times []byte) {
	for from := 0; from < n; from += listed {
		run := found[16*from:][:16*min(listed, n-from)]
		keys, times = append(keys, run[:len(run)/2]...), append(times, run[len(run)/2:]...)
	}
	return keys, times
}
