package serve

import (
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"strings"
	"testing"

	"quern/features/column"
	"quern/serve/tensor"
)

// FuzzNativeBodies sends hostile bodies to the calls of quern's own, as JSON and as tensors:
// every reply is 200 or a 4xx. Tensor messages are sealed again, or the fuzzer would have
// to find their checksums.
func FuzzNativeBodies(f *testing.F) {
	s, _ := trips(f, func(c *Config) {
		c.Limits.Rows, c.Limits.Features, c.Limits.Cells = 1000, 100, 10_000
		c.Log = func(string, ...any) {}
	})
	for _, body := range hostileSeeds() {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, accept := range []string{typeJSON, tensor.ContentType, typeArrow} {
			for _, path := range []string{"/v1/lookup", "/v1/transform/trips"} {
				for _, contentType := range []string{typeJSON, tensor.ContentType} {
					w := post(s, path, sealed(contentType, string(body)), "Content-Type", contentType, "Accept", accept)
					if w.Code != http.StatusOK && w.Code/100 != 4 {
						t.Errorf("%s %s %q: %d %s", path, contentType, body, w.Code, w.Body)
					}
				}
			}
		}
	})
}

func hostileSeeds() []string {
	ids := column.Column{Len: 2, Values: column.Vector{Type: column.Int64, Len: 2, Int64s: []int64{7, 5000}}}
	keys := &tensor.Message{Kind: tensor.Keys, Rows: 2, Schema: []byte(`{"columns":["id"],"view":"trips"}`), Columns: []tensor.Column{{Values: ids}}}
	raw := &tensor.Message{Kind: tensor.Raw, Rows: 20}
	schema, rows := tensor.Schema{}, tripRows(20)
	for i, c := range tripSchema() {
		schema.Columns = append(schema.Columns, c.Name)
		raw.Columns = append(raw.Columns, tensor.Column{Values: rows.Columns[i]})
	}
	raw.Schema = schema.Append(nil)
	return []string{`{"rows": [` + oneTrip + `]}`, `{"view": "trips", "rows": [{"id": 7}]}`, `{"features": ["trips:product"], "rows": [{"id": "7"}]}`,
		string(tensor.Append(nil, keys)), string(tensor.Append(nil, raw))}
}

// sealed gives a tensor message the length and checksum that it should have.
func sealed(contentType, body string) string {
	if contentType != tensor.ContentType || len(body) < 64 {
		return body
	}
	b := []byte(body)
	binary.LittleEndian.PutUint64(b[16:], uint64(len(b)))
	binary.LittleEndian.PutUint32(b[60:], crc32.Update(crc32.ChecksumIEEE(b[:60]), crc32.IEEETable, b[64:]))
	return string(b)
}

// TestDamagedBodies does to the seeds what a fuzzer does first: every byte another, and cut
// off everywhere.
func TestDamagedBodies(t *testing.T) {
	s, _ := trips(t, func(c *Config) { c.Log = func(string, ...any) {} })
	for _, body := range hostileSeeds() {
		contentType, from := typeJSON, 0
		if strings.HasPrefix(body, "QTENSOR") {
			contentType, from = tensor.ContentType, 8
		}
		for at := from; at < len(body); at += 1 + len(body)/700 {
			for _, bad := range []string{body[:at], body[:at] + "\xff" + body[at+1:], body[:at] + string(body[at]^1) + body[at+1:]} {
				for _, path := range []string{"/v1/lookup", "/v1/transform/trips"} {
					if w := post(s, path, sealed(contentType, bad), "Content-Type", contentType, "Accept", tensor.ContentType); w.Code != 200 && w.Code/100 != 4 {
						t.Fatalf("%s %q: %d %s", path, bad, w.Code, w.Body)
					}
				}
			}
		}
	}
}
