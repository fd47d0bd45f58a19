package recipe

import (
	"reflect"
	"testing"
	"time"
)

const onlineText = `quern: 1
name: rides
source:
  parquet: rides.parquet
key: [driver]
time: at
features:
  - columns: [miles]
  - columns: [fare]
    as: price
online:
  ttl: 7d
  services:
    pricing: [miles, price]
    short: [miles]
`

// TestOnlineSurvivesFormat: what is served, and for how long, is part of a recipe's text,
// so a model carries it.
func TestOnlineSurvivesFormat(t *testing.T) {
	first, err := Parse("rides.yaml", []byte(onlineText))
	if err != nil {
		t.Fatal(err)
	}
	if life, ok := first.Online.Lifetime(); !ok || life != 7*24*time.Hour || len(first.Online.Services) != 2 {
		t.Errorf("read %v and %+v", life, first.Online)
	}
	text := Format(first)
	second, err := Parse("rides.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if again := Format(second); string(again) != string(text) {
		t.Errorf("formatted twice:\n%s\n%s", text, again)
	}
	if second.Online.TTL.Text != first.Online.TTL.Text || !reflect.DeepEqual(names(second), names(first)) {
		t.Errorf("%+v became %+v", first.Online, second.Online)
	}
}

// names returns the services as texts.
func names(r *Recipe) (all [][]string) {
	for _, s := range r.Online.Services {
		one := []string{s.Name.Text}
		for _, f := range s.Features {
			one = append(one, f.Text)
		}
		all = append(all, one)
	}
	return all
}
