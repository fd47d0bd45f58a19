// Command fakegpu builds the fake driver for PTX files, or without any for all of our
// kernels, and prints the folder of its libcuda.so.1, for LD_LIBRARY_PATH:
//
//	fakegpu [-dir build/gpu-fake] [-sanitize undefined|address] [file.ptx...]
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"quern/gpu/fake"
)

func main() {
	dir := flag.String("dir", "build/gpu-fake", "folder to build in")
	sanitize := flag.String("sanitize", string(fake.Undefined), "undefined, address, or nothing")
	flag.Parse()
	library, err := build(*dir, fake.Sanitizer(*sanitize), flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "fakegpu:", err)
		os.Exit(1)
	}
	fmt.Println(filepath.Dir(library))
}

func build(dir string, s fake.Sanitizer, files []string) (string, error) {
	modules := map[string][]byte{}
	if len(files) == 0 {
		modules = fake.Kernels()
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		modules[f] = text
	}
	return fake.Build(dir, fake.Options{PTX: modules, Sanitize: s})
}
