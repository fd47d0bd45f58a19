//go:build linux

package main

import (
	"fmt"
	"strings"
)

// The view, and the service of all its features.
const (
	view    = "bench"
	service = "all"
)

// recipe is that of the view: every feature as it is.
func recipe(data string) string {
	names := make([]string, features)
	for i := range names {
		names[i] = name(i)
	}
	list := strings.Join(names, ", ")
	return fmt.Sprintf(`quern: 1
name: %s
source:
  parquet: %s
key: [id]
time: event
features:
  - columns: [%s]
    steps: []
online:
  ttl: %dd
  services:
    all: [%s]
output:
  parquet: {path: out}
`, view, data, list, lifetime, list)
}
