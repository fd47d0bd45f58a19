package cuda

// Module is a program on the device.
type Module struct {
	device *Device
	h      handle
}

// Kernel is one entry of a module. It lives as long as the module.
type Kernel struct {
	device *Device
	name   string
	h      handle
}

// String returns the name of the kernel.
func (k Kernel) String() string { return k.name }

// Load compiles PTX for the device, which takes the driver a moment, and loads it. The
// caller unloads it.
func (d *Device) Load(ptx []byte) (m *Module, err error) {
	maker := caller()
	err = d.call(func() error {
		h, err := d.driver.load(ptx)
		if err == nil {
			m = &Module{d, h}
			d.loans.add(m, loan{what: "module", bytes: len(ptx), maker: maker, free: func() error { return d.driver.unload(h) }})
		}
		return err
	})
	return m, err
}

// Kernel returns an entry by its name.
func (m *Module) Kernel(name string) (k Kernel, err error) {
	err = m.device.call(func() error {
		h, err := m.device.driver.kernel(m.h, name)
		k = Kernel{m.device, name, h}
		return err
	})
	return k, err
}

// Unload gives the module back.
func (m *Module) Unload() error { return m.device.giveBack(m) }
