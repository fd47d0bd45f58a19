package overlay

import (
	"encoding/binary"
	"errors"
	"io/fs"

	"quern/features/diag"
)

const (
	checkpointMagic = "querncpt"
	maxNote         = 64 << 10
)

// checkpoint says up to which sequence rows are in segments.
type checkpoint struct {
	Seq  uint64
	Note string
}

func (c checkpoint) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(append(b, checkpointMagic...), formatVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(c.Note)))
	b = binary.LittleEndian.AppendUint64(b, c.Seq)
	return sealed(append(b, c.Note...))
}

// write replaces the checkpoint of a folder. When it fails, the old one or the new one is
// there; both are true.
func (c checkpoint) write(d disk) error {
	const what = "the checkpoint cannot be written"
	f, err := d.Create(checkpointTemp)
	if err != nil {
		return unwritten(what, err)
	}
	_, err = f.WriteAt(c.append(nil), 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		d.Remove(checkpointTemp) // opening removes it too
		return unwritten(what, err)
	}
	if err := d.Rename(checkpointTemp, checkpointName); err != nil {
		return unwritten(what, err)
	}
	if err := d.Sync(); err != nil {
		return unwritten(what, err)
	}
	return nil
}

// readCheckpoint reads the checkpoint of a folder; the zero one if there is none.
func readCheckpoint(d disk) (checkpoint, error) {
	const fixed = 8 + 4 + 4 + 8
	f, err := d.Open(checkpointName)
	if errors.Is(err, fs.ErrNotExist) {
		return checkpoint{}, nil
	}
	if err != nil {
		return checkpoint{}, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return checkpoint{}, err
	}
	if size < fixed+4 || size > fixed+4+maxNote {
		return checkpoint{}, damaged(checkpointName, 0, "not as long as a checkpoint")
	}
	b := make([]byte, size)
	if _, err := readFull(f, b, 0); err != nil {
		return checkpoint{}, err
	}
	b, ok := unsealed(b)
	if !ok || string(b[:8]) != checkpointMagic || binary.LittleEndian.Uint32(b[8:]) != formatVersion ||
		int(binary.LittleEndian.Uint32(b[12:])) != len(b)-fixed {
		return checkpoint{}, damaged(checkpointName, 0, "no checkpoint, or changed")
	}
	c := checkpoint{Seq: binary.LittleEndian.Uint64(b[16:]), Note: string(b[fixed:])}
	if c.Seq >= maxSeq {
		return checkpoint{}, damaged(checkpointName, 0, "a sequence that nobody reaches")
	}
	return c, nil
}

// otherSchema is Q674.
func otherSchema(name string) error {
	return diag.New("Q674", "%s has rows of another schema", name)
}
