//go:build linux

package main

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
)

// protocol is a way to ask a server.
type protocol struct {
	name   string
	path   string // of HTTP, or the method of gRPC
	grpc   bool
	kind   string // media type of HTTP
	encode func(ids []int64) []byte
	decode func(reply []byte) (*answer, error)
}

// feastJSON is Feast's call over HTTP.
func feastJSON() *protocol {
	return &protocol{name: "Feast JSON", path: "/get-online-features", kind: "application/json", encode: encodeJSON, decode: decodeJSON}
}

// feastGRPC is Feast's call over gRPC.
func feastGRPC() *protocol {
	return &protocol{name: "Feast gRPC", path: "/feast.serving.ServingService/GetOnlineFeatures", grpc: true, encode: encodeGRPC, decode: decodeGRPC}
}

func encodeJSON(ids []int64) []byte {
	text, err := json.Marshal(map[string]any{"feature_service": service, "entities": map[string]any{"id": ids}})
	if err != nil {
		panic("quern: bug: a request is no JSON: " + err.Error())
	}
	return text
}

// encodeGRPC writes a feast.serving.GetOnlineFeaturesRequest: 1 feature_service,
// 3 entities, a map whose entries are 1 name and 2 RepeatedValue, of 1 Value, whose 4 is
// an int64.
func encodeGRPC(ids []int64) []byte {
	var values []byte
	for _, id := range ids {
		value := binary.AppendUvarint([]byte{4 << 3}, uint64(id))
		values = appendField(values, 1, value)
	}
	entry := appendField(appendField(nil, 1, []byte("id")), 2, values)
	return appendField(appendField(nil, 1, []byte(service)), 3, entry)
}

// appendField appends a field of a message that is bytes.
func appendField(dst []byte, number int, body []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(number)<<3|2)
	return append(binary.AppendUvarint(dst, uint64(len(body))), body...)
}

// target is a server and how it is asked.
type target struct {
	server  string // as the report calls it
	address string
	token   string
	by      *protocol
	table   *table // its data
	process *process
	store   *process // its store, if that is another process
	lax     bool     // statuses and times to live are not checked: Feast's server in Python has none
}

// dial opens a connection.
func (t *target) dial() (asker, error) {
	if t.by.grpc {
		return dialGRPC(t.address, t.by.path, t.token)
	}
	return dialHTTP(t.address)
}

// question makes what is sent for a list of entities.
func (t *target) question(ids []int64) []byte {
	body := t.by.encode(ids)
	if t.by.grpc {
		return framed(body)
	}
	return post(t.address, t.by.path, t.token, t.by.kind, body)
}

// pool is a number of questions that are asked in turns, and whom each asks for.
type pool struct {
	questions [][]byte
	ids       [][]int64
	checked   bool
}

// newPool draws entities, uniformly; one of a hundred does not exist.
func newPool(t *target, rows, questions int) *pool {
	rnd := rand.New(rand.NewPCG(uint64(rows), uint64(questions)))
	p := &pool{}
	for range questions {
		ids := make([]int64, rows)
		for i := range ids {
			ids[i] = rnd.Int64N(int64(t.table.entities))
			if rnd.IntN(100) == 0 {
				ids[i] += 1 << 40
			}
		}
		p.add(t, ids)
	}
	return p
}

// wholePool asks for every entity once, 100 at a time.
func wholePool(t *target) *pool {
	p := &pool{}
	for from := 0; from < t.table.entities; from += 100 {
		var ids []int64
		for id := from; id < min(from+100, t.table.entities); id++ {
			ids = append(ids, int64(id))
		}
		p.add(t, ids)
	}
	return p
}

func (p *pool) add(t *target, ids []int64) {
	p.ids = append(p.ids, ids)
	p.questions = append(p.questions, t.question(ids))
}
