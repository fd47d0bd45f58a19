package recipe

import (
	"math"
	"strconv"
	"strings"
	"time"

	"quern/features/diag"
)

// Online says how the features are served.
type Online struct {
	Place diag.Place
	// TTL is how long after its event time a row is served, as written: "7d", "36h".
	// Optional: without it rows never expire. See Lifetime.
	TTL Name
	// Services are named lists of features; optional.
	Services []Service
}

// Service is a list of features that are asked for together, by its name.
type Service struct {
	Name     Name
	Features []Name
}

// Lifetime returns TTL as a time; 0 where there is none. False means that it is no
// length of time, which Parse refuses.
func (o *Online) Lifetime() (time.Duration, bool) {
	if o == nil || o.TTL.Text == "" {
		return 0, true
	}
	return lifetime(o.TTL.Text)
}

// lifetime reads a length of time: a whole number, and s, m, h, d or w.
func lifetime(text string) (time.Duration, bool) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if len(text) < 2 || len(text) > 18 || text[0] < '0' || text[0] > '9' {
		return 0, false
	}
	unit := units[text[len(text)-1]]
	n, err := strconv.ParseInt(text[:len(text)-1], 10, 64)
	if err != nil || unit == 0 || n <= 0 || n > math.MaxInt64/int64(unit) {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

// online reads the key online.
func (in *reading) online(n *node) {
	o := &Online{Place: n.place}
	in.recipe.Online = o
	in.mapping(n, "online", []key{
		{"ttl", "", func(n *node) {
			name := in.name(n, "online.ttl")
			if _, ok := lifetime(name.Text); name.Text != "" && !ok {
				in.add(name.Place, diag.New("Q018", "online.ttl must be a length of time, not %q", shorten(name.Text)).
					WithHint("a whole number and s, m, h, d or w: 7d"))
				return
			}
			o.TTL = name
		}},
		{"services", "", func(n *node) {
			for _, p := range in.pairs(n, "online.services", "{ranking: [distance]}") {
				name := in.identifier(p.key, "a service")
				o.Services = append(o.Services, Service{name, in.names(p.value, "online.services."+shorten(p.key.text))})
			}
		}},
	})
}

// online writes the key online.
func (w *writer) online(o *Online) {
	if o == nil {
		return
	}
	if o.TTL.Text == "" && len(o.Services) == 0 {
		w.line("online: {}")
		return
	}
	w.line("online:")
	w.text("  ttl", o.TTL.Text)
	if len(o.Services) == 0 {
		return
	}
	var parts []string
	for _, s := range o.Services {
		parts = append(parts, word(s.Name.Text)+": "+flowNames(s.Features))
	}
	w.line("  services: {%s}", strings.Join(parts, ", "))
}
