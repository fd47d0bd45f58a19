// Command harness is a real Kubernetes control plane in one program, for tests: etcd,
// kube-apiserver and kube-controller-manager, as their own projects build them. No
// container and no node is part of it: what pods would do is done by package kubelite.
//
// It is a module of its own, because it compiles most of Kubernetes: a quarter of an hour
// when nothing is cached. scripts/k8s_harness.sh builds it once.
package main

import (
	"fmt"
	"net/url"
	"os"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	if len(os.Args) < 2 {
		fail("usage: harness etcd FOLDER CLIENT-URL PEER-URL | apiserver FLAGS | controllers FLAGS")
	}
	part, args := os.Args[1], os.Args[2:]
	os.Args = append([]string{part}, args...) // the commands below read it themselves
	switch part {
	case "etcd":
		if err := etcd(args); err != nil {
			fail(err)
		}
	case "apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "controllers":
		os.Exit(cli.Run(controllers.NewControllerManagerCommand()))
	default:
		fail("unknown part " + part)
	}
}

// etcd serves a store of one member, until it fails or the process is ended.
func etcd(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("etcd takes a folder and two URLs, not %d arguments", len(args))
	}
	client, err := url.Parse(args[1])
	if err != nil {
		return err
	}
	peer, err := url.Parse(args[2])
	if err != nil {
		return err
	}
	c := embed.NewConfig()
	c.Dir, c.LogLevel = args[0], "error"
	c.UnsafeNoFsync = true // of a test: nothing is to survive it
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	member, err := embed.StartEtcd(c)
	if err != nil {
		return err
	}
	return <-member.Err()
}

func fail(why any) {
	fmt.Fprintln(os.Stderr, "harness:", why)
	os.Exit(2)
}
