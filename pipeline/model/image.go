package model

import (
	"encoding/binary"
	"fmt"
	"io"

	"quern/features/program"
)

// An image is a model as it lies in memory, tables and indexes included, for the processes
// of one machine and one build that share memory: they have the model without reading its
// tables. It is a stamp, which says what the image is of, the size of the document and the
// number of tables, the document, and the tables' images.
const (
	stampSize = 32
	imageHead = stampSize + 16
)

// WriteImage writes the model's image. Errors are those of to, or program.ErrNoImage.
func (m *Model) WriteImage(to io.WriterAt, stamp [stampSize]byte) error {
	tables := m.Tables()
	text, err := m.document(tables)
	if err != nil {
		return err
	}
	head := binary.NativeEndian.AppendUint64(stamp[:], uint64(len(text)))
	head = binary.NativeEndian.AppendUint64(head, uint64(len(tables)))
	if _, err := to.WriteAt(append(head, text...), 0); err != nil {
		return err
	}
	images := program.Imager{To: to, At: int64(tablesFrom(len(text)))}
	for i := range tables {
		if err := images.Write(&tables[i]); err != nil {
			return err
		}
	}
	return nil
}

// tablesFrom returns where the tables' images begin after a document of a size.
func tablesFrom(text int) int { return (imageHead + text + 7) &^ 7 }

// ReadImage returns the model whose image data is. Its tables lie there, so data must stay as
// it is. It believes what the image says of tables, and checks all else as Read does. An
// image with another stamp is an error.
func ReadImage(data []byte, stamp [stampSize]byte) (*Model, error) {
	if len(data) < imageHead || [stampSize]byte(data[:stampSize]) != stamp {
		return nil, fmt.Errorf("not the image of this model")
	}
	size, count := binary.NativeEndian.Uint64(data[stampSize:]), binary.NativeEndian.Uint64(data[stampSize+8:])
	if size > uint64(len(data)-imageHead) || tablesFrom(int(size)) > len(data) {
		return nil, io.ErrUnexpectedEOF
	}
	text, rest := data[imageHead:imageHead+size], data[tablesFrom(int(size)):]
	var tables []program.Table
	for range count {
		var t program.Table
		var err error
		if t, rest, err = program.OfImage(rest); err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	m := &Model{}
	if err := m.build(text, tables, program.ParseVouched); err != nil {
		return nil, err
	}
	return m, nil
}
