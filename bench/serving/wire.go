//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// fields calls each with every field of a protobuf message: its number, and its bytes, or
// its number where it is none of bytes.
func fields(message []byte, each func(number int, body []byte, n uint64) error) error {
	for len(message) > 0 {
		tag, size := binary.Uvarint(message)
		if size <= 0 {
			return errCut
		}
		message = message[size:]
		var body []byte
		var n uint64
		switch tag & 7 {
		case 0:
			n, size = binary.Uvarint(message)
		case 1:
			size = 8
		case 5:
			if size = 4; len(message) >= 4 {
				n = uint64(binary.LittleEndian.Uint32(message))
			}
		case 2:
			var head int
			n, head = binary.Uvarint(message)
			if head <= 0 || n > uint64(len(message)-head) {
				return errCut
			}
			size = head + int(n)
			body = message[head:size]
		default:
			return fmt.Errorf("wire type %d", tag&7)
		}
		if size <= 0 || size > len(message) {
			return errCut
		}
		message = message[size:]
		if err := each(int(tag>>3), body, n); err != nil {
			return err
		}
	}
	return nil
}

// errCut says that a message ended early.
var errCut = errors.New("a message ends early")

// decodeGRPC reads a feast.serving.GetOnlineFeaturesResponse: 1 metadata {1 names {1}},
// 2 results {1 values, 2 statuses, 3 event times {1 seconds, 2 nanoseconds}}.
func decodeGRPC(reply []byte) (*answer, error) {
	a := &answer{}
	err := fields(reply, func(number int, body []byte, _ uint64) error {
		switch number {
		case 1:
			return fields(body, func(_ int, list []byte, _ uint64) error {
				return fields(list, func(_ int, text []byte, _ uint64) error {
					a.names = append(a.names, string(text))
					return nil
				})
			})
		case 2:
			return a.vector(body)
		}
		return nil
	})
	return a, err
}

// vector reads a column.
func (a *answer) vector(body []byte) error {
	var values []float32
	var null []bool
	var status []string
	var event []int64
	err := fields(body, func(number int, body []byte, n uint64) error {
		switch number {
		case 1:
			x, there := float32(0), false
			err := fields(body, func(kind int, _ []byte, n uint64) error {
				if kind == 6 {
					x, there = math.Float32frombits(uint32(n)), true
				}
				return nil
			})
			values, null = append(values, x), append(null, !there)
			return err
		case 2:
			if body == nil {
				status = append(status, statusName(n))
			}
			for len(body) > 0 {
				s, size := binary.Uvarint(body)
				if size <= 0 {
					return errCut
				}
				status, body = append(status, statusName(s)), body[size:]
			}
		case 3:
			at := int64(0)
			err := fields(body, func(unit int, _ []byte, n uint64) error {
				if unit == 1 {
					at += int64(n) * 1e6
				} else {
					at += int64(n) / 1e3
				}
				return nil
			})
			event = append(event, at)
			return err
		}
		return nil
	})
	if err == nil && len(status) != len(values) {
		err = fmt.Errorf("%d statuses of %d values", len(status), len(values))
	}
	for i := range min(len(status), len(null)) {
		if null[i] == shown(status[i]) && len(a.values) > 0 { // the first column is the key
			status[i] += ", but not so"
		}
	}
	a.values, a.status, a.event = append(a.values, values), append(a.status, status), append(a.event, event)
	return err
}

// statusName returns the name of a feast.serving.FieldStatus.
func statusName(n uint64) string {
	names := []string{"INVALID", "PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE"}
	return names[min(n, uint64(len(names)-1))]
}
