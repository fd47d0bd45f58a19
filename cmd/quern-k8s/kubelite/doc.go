// Package kubelite is a node for tests: it binds the pods of a real API server to itself
// and runs the command of each as a local process, where a kubelet would start a
// container. Exit codes, signals, grace periods, restarts, logs, secrets, users and the
// index of an Indexed Job are as pods know them.
//
// What it does not have: images (a table says which local program a command is), cgroups,
// networks (a Service is the loopback interface), and file systems of their own: a volume
// is a folder, and arguments that name its mount path are made to name the folder.
package kubelite
