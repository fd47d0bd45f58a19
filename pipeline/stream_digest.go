package pipeline

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// SourceDigest identifies the rows of the source: equal digests, equal rows, as far as
// source.Chunk.Digest says. "" where the source does not know.
func (s *Stream) SourceDigest() string {
	sum := sha256.New()
	for i := range s.in.chunks {
		c := &s.in.chunks[i]
		if c.Digest == "" {
			return ""
		}
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(c.Digest)))
		sum.Write(n[:])
		sum.Write([]byte(c.Digest))
	}
	return hex.EncodeToString(sum.Sum(nil))
}
