package k8s

// Request is what the program quern asks quern-k8s to do, as JSON on one line of its
// standard input. The end of that input is the end of whoever asked.
type Request struct {
	Verb    Verb
	Options Options

	Kubeconfig string // file; "": as kubectl finds it, or that of the pod it runs in
	Context    string // of the file; "": the current one
	Quiet      bool   // no progress
	Secret     string // YAML of Certificates, which submit creates if there are none
	Colour     bool   // of errors

	Phase  *uint32  // of logs; nil: the last one that has pods
	Shards []uint32 // of logs; none: those that failed
}

// Verb is what quern-k8s can do.
type Verb string

// The verbs.
const (
	Submit Verb = "submit" // drive the job's phases to its end
	Status Verb = "status" // print how far it is
	Logs   Verb = "logs"   // print what pods said
	Delete Verb = "delete" // take its objects out of the cluster
)
