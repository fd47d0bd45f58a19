//go:build !(linux && cuda && cgo)

package cuda

// probe sees nothing: this build cannot talk to a driver.
func probe() found { return found{} }

// openDriver is not reached: without a driver there is no device to choose.
func openDriver(int) (driver, error) { return nil, &Unavailable{Reason: "built without CUDA"} }
