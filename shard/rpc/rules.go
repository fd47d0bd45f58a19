package rpc

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc"

	"quern/shard/rpc/identity"
)

// class is a kind of calls that share their room.
type class int

// The classes.
const (
	brief    class = iota // is answered at once, or after a put
	waiting               // waits for a phase
	bringing              // brings a partial
	watching              // is told news
	classes
)

// rule says who may call a method, and how long a call may take.
type rule struct {
	roles []identity.Role
	class class
	limit time.Duration
}

// allows reports whether a role may call the method.
func (r *rule) allows(role identity.Role) bool { return slices.Contains(r.roles, role) }

// rules is the access table: full method names and who may call them. What is not in
// it, nobody may.
func (o *ServerOptions) rules() map[string]rule {
	const (
		service = "/quern.shard.v1.Coordinator/"
		health  = "/grpc.health.v1.Health/"
		short   = 30 * time.Second
		slack   = 10 * time.Second // of a wait, so that it is answered, not cut off
	)
	workers, operators := []identity.Role{identity.Worker}, []identity.Role{identity.Operator}
	all := []identity.Role{identity.Worker, identity.Operator}
	return map[string]rule{
		service + "OpenJob":       {all, brief, short},
		service + "SubmitPartial": {workers, bringing, o.Upload},
		service + "ProposeCommit": {workers, brief, short},
		service + "WaitFitted":    {workers, waiting, o.Patience + slack},
		service + "Progress":      {operators, watching, o.Watch + slack},
		service + "Cancel":        {operators, brief, short},
		health + "Check":          {all, brief, short},
		health + "List":           {operators, brief, short},
		health + "Watch":          {operators, watching, o.Watch + slack},
	}
}

// covered checks that the table and what is registered are the same methods: a method
// that nobody thought about must not be callable, and a rule for none is a slip.
func covered(table map[string]rule, registered map[string]grpc.ServiceInfo) error {
	seen := 0
	for service, info := range registered {
		for _, method := range info.Methods {
			name := "/" + service + "/" + method.Name
			if _, ok := table[name]; !ok {
				return fmt.Errorf("method %s is registered, but no rule says who may call it", name)
			}
			seen++
		}
	}
	if seen != len(table) {
		return fmt.Errorf("there are rules for %d methods, and %d are registered", len(table), seen)
	}
	return nil
}
