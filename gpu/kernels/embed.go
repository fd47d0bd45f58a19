package kernels

import (
	"embed"
	"encoding/json"
	"fmt"
)

// files are the PTX modules and their manifest.
//
//go:embed *.ptx manifest.json
var files embed.FS

// Manifest says what the PTX was made of, and by what.
type Manifest struct {
	Compiler string   `json:"compiler"` // name and version
	Flags    []string `json:"flags"`
	Kernels  []Kernel `json:"kernels"` // by name
}

// Kernel is one source file and its PTX module.
type Kernel struct {
	Name    string            `json:"name"`    // of NAME.cu and NAME.ptx
	Entries []string          `json:"entries"` // names of the functions to launch
	Sources map[string]string `json:"sources"` // SHA-256 of NAME.cu and of the headers that it takes in
	PTX     string            `json:"ptx"`     // SHA-256
}

// PTX returns the module called name. A name that there is not is a bug.
func PTX(name string) []byte {
	data, err := files.ReadFile(name + ".ptx")
	if err != nil {
		panic(fmt.Sprintf("quern: bug: no kernels called %q", name))
	}
	return data
}

// Names returns the names of all modules, in order.
func Names() []string {
	kernels := ReadManifest().Kernels
	names := make([]string, len(kernels))
	for i, k := range kernels {
		names[i] = k.Name
	}
	return names
}

// ReadManifest returns the manifest of the modules.
func ReadManifest() Manifest {
	data, err := files.ReadFile("manifest.json")
	var m Manifest
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		panic("quern: bug: manifest of the kernels: " + err.Error())
	}
	return m
}
