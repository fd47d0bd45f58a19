package cuda

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// What kernels need at least: the PTX of gpu/kernels is written for it.
const (
	OldestDriver = Version(12040) // CUDA 12.4, driver 550
	oldestMajor  = 7              // compute capability 7.5: Turing
	oldestMinor  = 5
)

// Version is a version of CUDA as the driver counts them: 12040 is 12.4.
type Version int

// String returns "12.4".
func (v Version) String() string { return fmt.Sprintf("%d.%d", v/1000, v%1000/10) }

// Compute is a compute capability: what a generation of devices can do.
type Compute struct{ Major, Minor int }

// Info describes a device.
type Info struct {
	Ordinal         int // 0, 1, ...: as Open takes it
	Name            string
	Compute         Compute
	Memory          int64 // bytes
	Multiprocessors int
	Driver          Version
	Bus             string // PCI address, "0000:17:00.0"; "" if the driver does not tell
}

// Report is what this program and this machine have to compute on a GPU.
type Report struct {
	Built   bool    // the program can talk to a driver
	Library string  // the driver's library, as it was found; "" if it was not, or not looked for
	Driver  Version // what the driver supports; 0 without one
	Devices []Info
	Missing string // why no device can be used; "" if one can
	Fix     string // the next step, if something is missing
	Broken  bool   // there is a GPU or a driver, but it cannot be used: somebody should look at it
}

// Status examines the program and the machine. It starts the driver, and nothing on a device.
func Status() Report {
	f := probe()
	f.hardware = hardware("/sys/bus/pci/devices")
	return f.judge()
}

// hardware reports whether a graphics or compute device of NVIDIA is on the PCI bus.
func hardware(bus string) bool {
	vendors, _ := filepath.Glob(filepath.Join(bus, "*", "vendor"))
	for _, path := range vendors {
		vendor, _ := os.ReadFile(path)
		class, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "class"))
		if strings.TrimSpace(string(vendor)) == "0x10de" && strings.HasPrefix(string(class), "0x03") {
			return true
		}
	}
	return false
}

// found is what there is to see.
type found struct {
	built    bool
	off      bool   // by QUERN_GPU=0
	library  string // "": not found
	loading  string // what the dynamic linker said
	code     int    // of cuInit
	name     string // of code
	driver   Version
	devices  []Info
	hardware bool // of NVIDIA, whatever the driver says
}

// judge makes sense of f.
func (f found) judge() Report {
	s := Report{Built: f.built, Library: f.library, Driver: f.driver, Devices: f.devices}
	switch {
	case !f.built:
		s.Missing, s.Fix, s.Broken = "this program is built without CUDA", "`make cuda` builds build/quern-cuda, which has it", f.hardware
	case f.off:
		s.Missing, s.Fix = "switched off by QUERN_GPU=0", "unset QUERN_GPU"
	case f.library == "":
		s.Missing, s.Broken = "no NVIDIA driver ("+f.loading+")", f.hardware
		s.Fix = "install NVIDIA's driver if the machine has such a GPU; in a container, pass the GPUs in (docker run --gpus all)"
	case f.code != 0:
		s.Missing, s.Fix = advise(f.code, f.name)
		s.Broken = f.hardware || f.code != noDevice
	case f.driver < OldestDriver:
		s.Missing = fmt.Sprintf("the driver is too old: it supports CUDA %s, kernels need %s", f.driver, OldestDriver)
		s.Fix, s.Broken = "install driver 550 or later", true
	case len(f.devices) == 0:
		s.Missing, s.Fix = advise(noDevice, "")
	default:
		s.Missing, s.Fix = tooOld(f.devices)
	}
	return s
}

// Results of cuInit that have a cause one can do something about.
const (
	stubLibrary    = 34
	noDevice       = 100
	notReady       = 802
	driverMismatch = 803
	notCompatible  = 804
	unknown        = 999
)

// advise says what is missing, and the next step, when a driver does not start.
func advise(code int, name string) (missing, fix string) {
	switch code {
	case noDevice:
		return "the driver sees no GPU", "see what nvidia-smi says; CUDA_VISIBLE_DEVICES may hide devices, and a container must be given them"
	case stubLibrary:
		return "libcuda.so.1 is the stub of a CUDA toolkit, not a driver", "take the toolkit's stubs folder out of LD_LIBRARY_PATH"
	case notReady:
		return "the driver is not ready", "start nvidia-fabricmanager, or wait until it has started"
	case driverMismatch:
		return "the driver's library and its kernel module are of different versions", "reboot, or load the module again: the driver was updated while it ran"
	case notCompatible:
		return "the forward compatibility package does not support this GPU", "take the cuda-compat folder out of LD_LIBRARY_PATH, or update the driver"
	case unknown:
		return "the driver does not start (" + name + ")", "run nvidia-smi as root once: device files such as /dev/nvidia-uvm may be missing"
	}
	return fmt.Sprintf("the driver does not start: %s (%d)", name, code), "see what nvidia-smi and the kernel's log (dmesg) say"
}

// tooOld says that no device is new enough, or nothing.
func tooOld(devices []Info) (missing, fix string) {
	for _, d := range devices {
		if d.usable() {
			return "", ""
		}
	}
	return fmt.Sprintf("%s is too old: compute capability %d.%d, kernels need %d.%d", devices[0].Name, devices[0].Compute.Major, devices[0].Compute.Minor, oldestMajor, oldestMinor),
		"a GPU since Turing (2018) is needed"
}

// usable reports whether kernels can run on the device.
func (i Info) usable() bool {
	c := i.Compute
	return c.Major > oldestMajor || c.Major == oldestMajor && c.Minor >= oldestMinor
}

// choose returns the device of an ordinal, or why there is none.
func (s Report) choose(ordinal int) (Info, error) {
	switch {
	case s.Missing != "":
		return Info{}, &Unavailable{s.Missing, s.Fix}
	case ordinal < 0 || ordinal >= len(s.Devices):
		return Info{}, &Unavailable{fmt.Sprintf("there is no GPU %d: the driver sees %d, counted from 0", ordinal, len(s.Devices)), "quern doctor lists them"}
	case !s.Devices[ordinal].usable():
		missing, fix := tooOld(s.Devices[ordinal : ordinal+1])
		return Info{}, &Unavailable{missing, fix}
	}
	return s.Devices[ordinal], nil
}
