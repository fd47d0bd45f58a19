package k8s

import (
	"fmt"
	"time"

	"quern/shard/record"
)

// The bounds within which a Job's own queue of indexes balances the load well. Starting a
// pod takes seconds and starting one again at least ten, so tasks shorter than a minute
// are mostly waiting; tasks longer than ten minutes lose much when they are killed, and
// the last ones keep everybody waiting.
const (
	fewShards, manyShards = 4, 10 // per pod at a time
	shortest, longest     = time.Minute, 10 * time.Minute
)

// Advise says what is likely to make a phase slow, or its pods die, in sentences; nothing
// if it looks good.
// task is how long a shard takes; 0: not known.
func (o *Options) Advise(phase record.Phase, task time.Duration) []string {
	var advice []string
	pods := o.parallelism(phase)
	total := time.Duration(phase.Shards) * task
	switch {
	case task > 0 && total < longest:
		return []string{fmt.Sprintf("a phase is about %s of work in all: one machine may be faster than a cluster (quern run)", short(total))}
	case phase.Shards < fewShards*pods && phase.Shards > 1:
		advice = append(advice, fmt.Sprintf("%d shards for %d pods at a time: with %d to %d times as many shards as pods, none waits for the slowest: --parallelism %d, or smaller parts in the plan",
			phase.Shards, pods, fewShards, manyShards, max(1, phase.Shards/fewShards)))
	}
	switch {
	case task == 0:
	case task < shortest && phase.Shards > 1:
		advice = append(advice, fmt.Sprintf("a shard takes about %s: pods take seconds to start, so shards of 1 to 10 minutes are better: about %d shards",
			short(task), max(1, int64(phase.Shards)*int64(task)/int64(shortest))))
	case task > longest:
		advice = append(advice, fmt.Sprintf("a shard takes about %s, which is what a killed pod costs: shards of 1 to 10 minutes are better: about %d shards",
			short(task), int64(phase.Shards)*int64(task)/int64(longest)+1))
	}
	if o.Memory == "" {
		advice = append(advice, "pods ask for no memory: the cluster puts any number of them on a node, where each takes half of it for its own, and ends them first when it is short: --pod-memory 8Gi")
	}
	return advice
}

func short(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
