package kubelite

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// Options say what a node has.
type Options struct {
	Client   kubernetes.Interface
	Folder   string            // of pods' volumes and logs
	Programs map[string]string // local program of a container's command
	Claims   map[string]string // local folder of a persistent volume claim
	Env      []string          // of every process, besides what its pod says
	Slots    int               // pods at the same time
	Users    bool              // processes run as the user that the pod says; needs root
}

// Node is a node at work.
type Node struct {
	o     Options
	name  string
	logs  *httptest.Server // what the API server asks for logs
	slots chan struct{}
	ctx   context.Context
	stop  context.CancelFunc
	group sync.WaitGroup

	mu      sync.Mutex
	pods    map[string]*process // by UID
	history []Run
}

// Run is a process that has ended.
type Run struct {
	Namespace  string
	Pod, Job   string
	Index      string // of the shard
	Code       int    // exit code; 128 and the signal's number of a process that was killed
	Start, End time.Time
	CPU        time.Duration
	MaxRSS     int64 // bytes
}

// Start registers a node and runs the pods of its cluster, until Close.
func Start(o Options) (*Node, error) {
	n := &Node{o: o, name: "kubelite", slots: make(chan struct{}, o.Slots), pods: map[string]*process{}}
	n.ctx, n.stop = context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", n.serveLog)
	n.logs = httptest.NewTLSServer(mux)
	if err := n.register(); err != nil {
		n.Close()
		return nil, err
	}
	factory := informers.NewSharedInformerFactory(o.Client, 0)
	_, err := factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { n.see(obj.(*core.Pod)) },
		UpdateFunc: func(_, obj any) { n.see(obj.(*core.Pod)) },
		DeleteFunc: func(obj any) {
			if pod, ok := obj.(*core.Pod); ok {
				n.gone(pod)
			}
		},
	})
	if err != nil {
		n.Close()
		return nil, err
	}
	factory.Start(n.ctx.Done())
	return n, nil
}

// register makes the node known, with the port where its logs are.
func (n *Node) register() error {
	u, err := url.Parse(n.logs.URL)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		return err
	}
	nodes := n.o.Client.CoreV1().Nodes()
	node, err := nodes.Create(n.ctx, &core.Node{ObjectMeta: meta.ObjectMeta{Name: n.name}}, meta.CreateOptions{})
	if err != nil {
		return err
	}
	node.Status.Addresses = []core.NodeAddress{{Type: core.NodeInternalIP, Address: "127.0.0.1"}}
	node.Status.DaemonEndpoints.KubeletEndpoint.Port = int32(port)
	node.Status.Conditions = []core.NodeCondition{{Type: core.NodeReady, Status: core.ConditionTrue}}
	node.Status.Capacity = core.ResourceList{
		core.ResourceCPU: resource.MustParse("64"), core.ResourceMemory: resource.MustParse("256Gi"),
		core.ResourcePods: *resource.NewQuantity(int64(n.o.Slots), resource.DecimalSI), "nvidia.com/gpu": resource.MustParse("8"),
	}
	_, err = nodes.UpdateStatus(n.ctx, node, meta.UpdateOptions{})
	return err
}

// see starts a pod that is new, and ends one that is to be deleted.
func (n *Node) see(pod *core.Pod) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p, known := n.pods[string(pod.UID)]
	switch {
	case known && pod.DeletionTimestamp != nil:
		grace := int64(30)
		if pod.DeletionGracePeriodSeconds != nil {
			grace = *pod.DeletionGracePeriodSeconds
		}
		p.terminate(time.Duration(grace) * time.Second)
	case known, pod.DeletionTimestamp != nil, pod.Spec.NodeName != "" && pod.Spec.NodeName != n.name,
		pod.Status.Phase == core.PodSucceeded, pod.Status.Phase == core.PodFailed:
	default:
		p := newProcess(n, pod)
		n.pods[string(pod.UID)] = p
		n.group.Go(p.run)
	}
}

// gone ends a pod that was deleted without grace.
func (n *Node) gone(pod *core.Pod) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.pods[string(pod.UID)]; p != nil {
		p.terminate(0)
	}
}

// Running is a process at work.
type Running struct {
	Namespace       string
	Pod, Job, Index string
	PID             int
	Since           time.Time
}

// Running returns the processes at work.
func (n *Node) Running() []Running {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []Running
	for _, p := range n.pods {
		if pid, since := p.at(); pid > 0 {
			all = append(all, Running{p.pod.Namespace, p.pod.Name, p.job(), p.index(), pid, since})
		}
	}
	return all
}

// Signal sends a signal to a pod's process. It reports whether the pod had one.
func (n *Node) Signal(pod string, s syscall.Signal) bool {
	for _, r := range n.Running() {
		if r.Pod == pod {
			return syscall.Kill(-r.PID, s) == nil
		}
	}
	return false
}

// History returns the processes that have ended so far.
func (n *Node) History() []Run {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]Run(nil), n.history...)
}

func (n *Node) ended(r Run) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.history = append(n.history, r)
}

// Close kills all processes and waits for them. Pods are left as they are.
func (n *Node) Close() {
	n.stop()
	n.mu.Lock()
	for _, p := range n.pods {
		p.terminate(0)
	}
	n.mu.Unlock()
	n.group.Wait()
	n.logs.Close()
}

// folder is where a pod's volumes and its log are.
func (n *Node) folder(pod string) string { return filepath.Join(n.o.Folder, pod) }

func (n *Node) serveLog(w http.ResponseWriter, r *http.Request) {
	data, err := os.ReadFile(filepath.Join(n.folder(filepath.Base(r.PathValue("pod"))), "log"))
	if err != nil {
		http.Error(w, fmt.Sprintf("no log: %v", err), http.StatusNotFound)
		return
	}
	w.Write(data)
}
