//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "serving: processor time and memory of servers are read from /proc: run this on Linux")
	os.Exit(4)
}
