//go:build linux && cuda && cgo

package control

// #cgo LDFLAGS: -ldl
// #define _GNU_SOURCE
// #include <dlfcn.h>
// #include <stdint.h>
// #include <stdlib.h>
//
// static void *find(const char *name)
// {
// 	void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
// 	return library ? dlsym(library, name) : 0;
// }
//
// static int set(const char *text)
// {
// 	void (*f)(const char *) = find("fake_control");
// 	if (f)
// 		f(text);
// 	return f != 0;
// }
//
// static void reset(void)
// {
// 	void (*f)(void) = find("fake_reset");
// 	if (f)
// 		f();
// }
//
// static uint64_t report(char *out, uint64_t size)
// {
// 	uint64_t (*f)(char *, uint64_t) = find("fake_report");
// 	return f ? f(out, size) : 0;
// }
import "C"

import (
	"unsafe"

	"quern/gpu/fake"
)

// Set changes settings: "key=value,...". It returns false if the driver is a real one,
// or if there is none. What is unknown ends the process. A fake driver that nobody has
// used yet reads QUERN_FAKE_GPU afterwards.
func Set(text string) bool {
	c := C.CString(text)
	defer C.free(unsafe.Pointer(c))
	return C.set(c) != 0
}

// Reset forgets what was counted and said, so that faults and misuse that a test has
// provoked do not fail the run. Objects that live stay counted.
func Reset() { C.reset() }

// Report returns what was counted and said since the last Reset.
func Report() fake.Report {
	text := make([]byte, 1<<17)
	n := C.report((*C.char)(unsafe.Pointer(&text[0])), C.uint64_t(len(text)))
	return fake.ParseReport(string(text[:min(int(n), len(text))]))
}
