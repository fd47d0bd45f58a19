package serve

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

// This is as much of PromQL as the alert rules use, over two scrapes: rate and increase are
// what happened between them, as if that took the length of their windows. What it does not
// know is a panic, so that no rule passes unread.

// point is a value of a series at one time; labels include __name__.
type point struct {
	labels map[string]string
	value  float64
}

// scraped is what a server said twice.
type scraped struct{ before, after []point }

// scrapeTwice scrapes a server, causes something, and scrapes it again.
func scrapeTwice(t *testing.T, r *rig, cause func(), headers ...string) scraped {
	t.Helper()
	before := pointsOf(t, r.url, headers...)
	cause()
	return scraped{before, pointsOf(t, r.url, headers...)}
}

// pointsOf scrapes a server, as Prometheus does: with up, and the labels of the target.
func pointsOf(t *testing.T, url string, headers ...string) []point {
	t.Helper()
	reply, err := http.Get(url + "/metrics")
	if err != nil {
		return []point{{map[string]string{"__name__": "up", "job": "quern", "instance": "one"}, 0}}
	}
	reply.Body.Close()
	all := []point{{map[string]string{"__name__": "up"}, 1}}
	for name, f := range scrape(t, url, headers...) {
		for _, m := range f.Metric {
			add := func(name string, v float64, extra ...string) {
				labels := map[string]string{"__name__": name}
				for _, l := range m.Label {
					labels[l.GetName()] = l.GetValue()
				}
				for i := 0; i < len(extra); i += 2 {
					labels[extra[i]] = extra[i+1]
				}
				all = append(all, point{labels, v})
			}
			switch f.GetType() {
			case dto.MetricType_COUNTER:
				add(name, m.Counter.GetValue())
			case dto.MetricType_GAUGE:
				add(name, m.Gauge.GetValue())
			case dto.MetricType_HISTOGRAM:
				for _, b := range m.Histogram.Bucket {
					add(name+"_bucket", float64(b.GetCumulativeCount()), "le", strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64))
				}
			}
		}
	}
	for i := range all {
		all[i].labels["job"], all[i].labels["instance"] = "quern", "one"
	}
	return all
}

// fires evaluates a rule: the series that it fires for.
func (s scraped) fires(rule string) []point {
	p := &promql{scraped: s, rest: strings.Fields(tokens(rule))}
	out := p.compared()
	if len(p.rest) > 0 {
		panic(fmt.Sprintf("%q: nobody read %q", rule, p.rest))
	}
	return out
}

// tokens puts spaces around what separates words, but for those in texts.
func tokens(rule string) string {
	return regexp.MustCompile(`"[^"]*"|=~|==|[-+/(){}\[\],=<>]`).ReplaceAllString(rule, " $0 ")
}

// promql is a rule that is being read and evaluated.
type promql struct {
	scraped
	rest []string
}

func (p *promql) next() string {
	if len(p.rest) == 0 {
		return ""
	}
	return p.rest[0]
}

func (p *promql) take() string {
	word := p.next()
	p.rest = p.rest[1:]
	return word
}

func (p *promql) want(word string) {
	if got := p.take(); got != word {
		panic(fmt.Sprintf("%q where %q should be", got, word))
	}
}

func (p *promql) number() float64 {
	x, err := strconv.ParseFloat(p.take(), 64)
	if err != nil {
		panic(err)
	}
	return x
}

// compared is a vector, perhaps only the part of it that a comparison leaves.
func (p *promql) compared() []point {
	all := p.arithmetic("+", func() []point {
		return p.arithmetic("/", p.primary, func(a, b float64) float64 { return a / b })
	}, func(a, b float64) float64 { return a + b })
	switch op := p.next(); op {
	case ">", "<", "==":
		p.take()
		bound := p.number()
		return slices.DeleteFunc(all, func(x point) bool {
			return !(op == ">" && x.value > bound || op == "<" && x.value < bound || op == "==" && x.value == bound)
		})
	}
	return all
}

// arithmetic matches series of the same labels.
func (p *promql) arithmetic(op string, operand func() []point, f func(a, b float64) float64) []point {
	left := operand()
	for p.next() == op {
		p.take()
		var out []point
		for _, b := range operand() {
			for _, a := range left {
				if maps.Equal(unnamed(a.labels), unnamed(b.labels)) {
					out = append(out, point{unnamed(a.labels), f(a.value, b.value)})
				}
			}
		}
		left = out
	}
	return left
}

func unnamed(labels map[string]string) map[string]string {
	labels = maps.Clone(labels)
	delete(labels, "__name__")
	return labels
}

func (p *promql) primary() []point {
	switch word := p.take(); word {
	case "(":
		all := p.compared()
		p.want(")")
		return all
	case "sum":
		return p.sum()
	case "rate", "increase":
		p.want("(")
		out := p.window(word)
		p.want(")")
		return out
	case "histogram_quantile":
		p.want("(")
		q := p.number()
		p.want(",")
		out := quantiles(q, p.compared())
		p.want(")")
		return out
	default:
		return p.selector(word, p.after)
	}
}

// sum by (LABELS) (VECTOR)
func (p *promql) sum() []point {
	p.want("by")
	p.want("(")
	var by []string
	for p.next() != ")" {
		if word := p.take(); word != "," {
			by = append(by, word)
		}
	}
	p.want(")")
	p.want("(")
	var out []point
	for _, x := range p.compared() {
		labels := map[string]string{}
		for _, name := range by {
			labels[name] = x.labels[name]
		}
		at := slices.IndexFunc(out, func(o point) bool { return maps.Equal(o.labels, labels) })
		if at < 0 {
			at, out = len(out), append(out, point{labels: labels})
		}
		out[at].value += x.value
	}
	p.want(")")
	return out
}

// selector reads NAME{LABEL="VALUE", ...}.
func (p *promql) selector(name string, from []point) []point {
	matchers := map[string]*regexp.Regexp{"__name__": regexp.MustCompile("^" + regexp.QuoteMeta(name) + "$")}
	if p.next() == "{" {
		for p.take(); p.next() != "}"; {
			label, op, value := p.take(), p.take(), strings.Trim(p.take(), `"`)
			if op == "=" {
				value = regexp.QuoteMeta(value)
			} else if op != "=~" {
				panic("operator " + op)
			}
			matchers[label] = regexp.MustCompile("^(" + value + ")$")
			if p.next() == "," {
				p.take()
			}
		}
		p.want("}")
	}
	var out []point
	for _, x := range from {
		matches := true
		for label, m := range matchers {
			matches = matches && m.MatchString(x.labels[label])
		}
		if matches {
			out = append(out, x)
		}
	}
	return out
}

// window is SELECTOR[5m] of rate or increase.
func (p *promql) window(function string) []point {
	name, rest := p.take(), slices.Clone(p.rest)
	before := p.selector(name, p.before)
	p.rest = rest
	after := p.selector(name, p.after)
	p.want("[")
	minutes, err := strconv.Atoi(strings.TrimSuffix(p.take(), "m"))
	if err != nil {
		panic(err)
	}
	p.want("]")
	var out []point
	for _, a := range after {
		for _, b := range before {
			if maps.Equal(a.labels, b.labels) {
				a.value -= b.value
			}
		}
		if function == "rate" {
			a.value /= float64(60 * minutes)
		}
		out = append(out, point{unnamed(a.labels), a.value})
	}
	return out
}

// quantiles is histogram_quantile: linear within the bucket.
func quantiles(q float64, buckets []point) []point {
	groups := map[string][]point{}
	for _, b := range buckets {
		labels := maps.Clone(b.labels)
		delete(labels, "le")
		groups[fmt.Sprint(labels)] = append(groups[fmt.Sprint(labels)], b)
	}
	bound := func(b point) float64 {
		x, err := strconv.ParseFloat(b.labels["le"], 64)
		if err != nil {
			panic(err)
		}
		return x
	}
	var out []point
	for _, g := range groups {
		slices.SortFunc(g, func(a, b point) int { return int(math.Copysign(1, bound(a)-bound(b))) })
		rank := q * g[len(g)-1].value
		at := slices.IndexFunc(g, func(b point) bool { return b.value >= rank })
		labels := maps.Clone(g[0].labels)
		delete(labels, "le")
		lower, low := 0.0, 0.0
		if at > 0 {
			lower, low = bound(g[at-1]), g[at-1].value
		}
		value := lower
		if upper := bound(g[at]); !math.IsInf(upper, 1) {
			value += (upper - lower) * (rank - low) / (g[at].value - low)
		}
		if g[len(g)-1].value == 0 {
			value = math.NaN()
		}
		out = append(out, point{labels, value})
	}
	return out
}
