//go:build !linux

package main

// totalMemory returns how much memory the machine has, in bytes; 0: unknown.
func totalMemory() int64 { return 0 }

// fileLimit returns how many files the process may have open; 0: unknown.
func fileLimit() int64 { return 0 }

// freeSpace returns how many bytes can be written to a folder; -1: unknown.
func freeSpace(string) int64 { return -1 }
