package work

import (
	"bytes"
	"encoding/json"
	"fmt"

	"quern/features/diag"
	"quern/shard/record"
)

// version is that of the spec's meaning.
const version = 1

// spec is everything that the results of a job depend on. It lies in the plan as JSON, so
// its bytes are the job's identity.
type spec struct {
	Version  int      `json:"version"`
	File     string   `json:"file"`            // of the recipe, for messages
	Recipe   string   `json:"recipe"`          // its text
	Training bool     `json:"training"`        // training values in the rows that were learnt from
	Model    string   `json:"model,omitempty"` // where the model goes: a path or URI; "": nowhere
	Outputs  []string `json:"outputs"`         // folders of the outputs, in the job's root; "." is the root
	Notices  []string `json:"notices"`         // of the source, for the manifests
	Layout   []byte   `json:"layout"`          // of the source
	// Shards says with which part each shard begins. It decides nothing but who does what.
	Shards []int `json:"shards"`
	// Generation tells jobs apart that are otherwise the same: one that replaces the output
	// of another. It decides nothing either.
	Generation string `json:"generation,omitempty"`
}

// encode returns the bytes in the plan.
func (s *spec) encode() []byte {
	data, err := json.Marshal(s)
	if err != nil {
		panic("quern: bug: own spec does not encode: " + err.Error())
	}
	return data
}

// parseSpec reads what encode wrote. Errors are *diag.Error (Q454).
func parseSpec(data []byte) (*spec, error) {
	s := &spec{}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		return nil, diag.New("Q454", "the job's plan cannot be read").Because(err)
	}
	if s.Version != version || len(s.Outputs) == 0 {
		return nil, diag.New("Q454", "the job's plan is of version %d, and this program knows version %d", s.Version, version)
	}
	for i, first := range s.Shards {
		if i == 0 && first != 0 || i > 0 && first <= s.Shards[i-1] {
			return nil, diag.New("Q454", "the job's plan has shards out of order")
		}
	}
	return s, nil
}

// same reports whether two jobs come to the same results.
func (s *spec) same(o *spec) bool {
	a, b := *s, *o
	a.Shards, b.Shards, a.Generation, b.Generation = nil, nil, "", ""
	return bytes.Equal(a.encode(), b.encode())
}

// document is the name, in the job's root, of the manifest that ends the job: that of the
// first output.
func (s *spec) document() string { return inFolder(s.Outputs[0], manifestName) }

// phase returns a phase of the job.
func (s *spec) phase(number uint32, learns bool) record.Phase {
	return record.Phase{Number: number, Learns: learns, Shards: uint32(len(s.Shards))}
}

// parts returns the first part of a shard and the first that is not in it any more.
func (s *spec) parts(shard uint32, all int) (from, to int, err error) {
	if int(shard) >= len(s.Shards) {
		return 0, 0, fmt.Errorf("shard %d of %d", shard, len(s.Shards))
	}
	from, to = s.Shards[shard], all
	if int(shard)+1 < len(s.Shards) {
		to = s.Shards[shard+1]
	}
	if from >= to || to > all {
		return 0, 0, fmt.Errorf("shard %d has parts %d to %d of %d", shard, from, to, all)
	}
	return from, to, nil
}

func inFolder(folder, name string) string {
	if folder == "." {
		return name
	}
	return folder + "/" + name
}
