//go:build linux && cuda && cgo

package cuda

// #include "shim.h"
import "C"

import (
	"bytes"
	"strings"

	"gorgonia.org/cu"
)

// probe starts the driver and asks it for its devices. It makes no context.
func probe() found {
	driver := C.quern_cuda_start()
	f := found{
		built: true, off: driver.state == C.QUERN_CUDA_OFF, code: int(driver.code),
		library: C.GoString(&driver.path[0]), loading: C.GoString(&driver.loading[0]),
	}
	if strings.HasPrefix(f.loading, "libcuda.so.1: cannot open") {
		f.loading = "libcuda.so.1 was not found"
	}
	if driver.state == C.QUERN_CUDA_REFUSED {
		f.name = codeName(f.code)
	}
	if driver.state != C.QUERN_CUDA_LIVE {
		return f
	}
	f.driver = Version(cu.Version())
	n, err := cu.NumDevices()
	for i := 0; i < n && err == nil; i++ {
		var info Info
		info, err = describe(i, f.driver)
		f.devices = append(f.devices, info)
	}
	if err != nil {
		e := failure("", err).(*Error)
		f.code, f.name, f.devices = e.Code, e.Name, nil
	}
	return f
}

// describe asks the driver for the properties of a device.
func describe(ordinal int, driver Version) (Info, error) {
	info := Info{Ordinal: ordinal, Driver: driver}
	device, err := cu.GetDevice(ordinal)
	if err != nil {
		return info, err
	}
	if info.Name, err = device.Name(); err != nil {
		return info, err
	}
	if info.Memory, err = device.TotalMem(); err != nil {
		return info, err
	}
	for _, a := range []struct {
		which cu.DeviceAttribute
		value *int
	}{
		{cu.MultiprocessorCount, &info.Multiprocessors},
		{cu.ComputeCapabilityMajor, &info.Compute.Major}, {cu.ComputeCapabilityMinor, &info.Compute.Minor},
	} {
		if *a.value, err = device.Attribute(a.which); err != nil {
			return info, err
		}
	}
	var bus [32]C.char
	if C.cuDeviceGetPCIBusId(&bus[0], C.int(len(bus)), C.CUdevice(device)) == C.CUDA_SUCCESS {
		info.Bus = C.GoString(&bus[0])
	}
	return info, nil
}

// codeName returns the driver's name of a result: "CUDA_ERROR_OUT_OF_MEMORY".
func codeName(code int) string {
	var name *C.char
	if C.cuGetErrorName(C.CUresult(code), &name) != C.CUDA_SUCCESS || name == nil {
		return "CUDA_ERROR"
	}
	return C.GoString(name)
}

// text returns what a C string in a buffer says, on one line.
func text(buffer []byte) string {
	if end := bytes.IndexByte(buffer, 0); end >= 0 {
		buffer = buffer[:end]
	}
	return strings.Join(strings.Fields(string(buffer)), " ")
}
