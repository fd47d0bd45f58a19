package bench

import "strings"

// Stage is a part of the work and its processor time, from CPU samples.
type Stage struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"cpu_s"`
	Share   float64 `json:"share"` // of all samples
}

// stageRule gives the samples in which a function (or its package) is, to a stage.
type stageRule struct{ stage, prefix string }

// stageRules are tried in this order, each against the whole stack: what is special
// comes before what it is part of. They name packages where packages are stages, and
// functions where not.
func stageRules() []stageRule {
	return []stageRule{
		{"gc", "runtime.gcBgMarkWorker"},
		{"gc", "runtime.bgsweep"},
		{"gc", "runtime.gcAssistAlloc"},
		{"freeze", "quern/pipeline.(*Plan).freeze"},
		{"model", "quern/pipeline/model."},
		{"model", "quern/bench.saveModel"},
		{"read", "os.(*File).ReadAt"},
		{"read", "os.(*File).Read"},
		{"write", "os.(*File).Write"},
		{"write", "quern/pipeline/store."},
		{"digest", "quern/pipeline/output.(*digester)"},
		{"digest", "quern/pipeline/output.(*tee)"},
		{"decode", "quern/pipeline/source"},
		{"encode", "quern/pipeline/sink"},
		{"write", "quern/pipeline/output"},
		{"merge", "quern/pipeline.(*merger)"},
		{"run", "quern/pipeline.(*writer)"},
		{"observe", "quern/pipeline.(*observer)"},
		{"freeze", "quern/pipeline.(*Phase).learn"},
		{"freeze", "quern/pipeline.(*Plan)"},
		{"compile", "quern/pipeline."},
		{"merge", "quern/features/stat.(*table).absorb"}, // the rest: workers that stages start
		{"freeze", "quern/features/stat."},
		{"freeze", "quern/features/program."},
	}
}

// stageNames are the stages in the order of the work; "other" is what no rule takes,
// most of it the scheduler.
func stageNames() []string {
	return strings.Fields("read decode observe merge freeze model compile run encode digest write gc other")
}

// stages sums the samples by stage.
func (p *cpuProfile) stages() []Stage {
	sums, total := map[string]float64{}, 0.0
	rules := stageRules()
	for _, s := range p.samples {
		sums[stageOf(rules, p.frames(s))] += s.seconds
		total += s.seconds
	}
	var list []Stage
	for _, name := range stageNames() {
		if sums[name] > 0 {
			list = append(list, Stage{name, sums[name], sums[name] / total})
		}
	}
	return list
}

// stageOf returns the stage of a stack.
func stageOf(rules []stageRule, frames []string) string {
	for _, r := range rules {
		for _, name := range frames {
			if strings.HasPrefix(name, r.prefix) {
				return r.stage
			}
		}
	}
	return "other"
}
