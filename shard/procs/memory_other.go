//go:build !linux

package procs

import (
	"errors"
	"os"
)

// Memory is memory that processes share, which this system has not.
type Memory struct{}

// NewMemory returns an error.
func NewMemory() (*Memory, error) { return nil, errors.ErrUnsupported }

// InheritedMemory returns what is never sealed.
func InheritedMemory(int) *Memory { return &Memory{} }

// File returns nothing.
func (s *Memory) File() *os.File { return nil }

// WriteAt returns an error.
func (s *Memory) WriteAt([]byte, int64) (int, error) { return 0, errors.ErrUnsupported }

// Seal returns an error.
func (s *Memory) Seal() error { return errors.ErrUnsupported }

// Sealed returns nil.
func (s *Memory) Sealed() []byte { return nil }

// Close does nothing.
func (s *Memory) Close() error { return nil }
