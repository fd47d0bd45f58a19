//go:build !linux

package store

import "os"

// startWriting does nothing where there is no such advice.
func startWriting(*os.File) {}

// reserve does nothing where there is no such call.
func reserve(_ *os.File, _, _ int64) {}
