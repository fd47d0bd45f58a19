// Package chaos has only tests. They break real processes of the program as it is built,
// over a small job of several phases, and check what is left:
//
//	failpoint_test.go  kill -9 at every named point of the program, in every role
//	kill_test.go       kill -9 at random moments; what a driver leaves behind
//	pause_test.go      processes that sleep past all time-outs and wake up; two drivers
//	net_test.go        partitions and slow lines between network namespaces
//	damage_test.go     a full disk, damaged logs
//	s3_test.go         an S3 server with faults
//
// Every output is compared, byte by byte, with what one process makes (scene_test.go).
// Four ways to run a job are broken, each of which has its own roles (roles_test.go):
//
//	driver       quern run --procs 2: coordinator and children
//	coordinator  quern coordinator, and workers that the test starts
//	worker       one of these: quern task --stdin --coordinator
//	loner        quern task --stdin without a coordinator, which closes phases itself
//
// QUERN_CHAOS=50 does fifty times as much as `go test`, QUERN_LONG=1 three times, -short
// nothing: under the race detector there is nothing to see from outside of a process.
package chaos
