package drive

import (
	"fmt"
	"strings"

	"quern/internal/failpoint"
	"quern/shard/core"
)

// points returns the failpoints before and after an action.
func points(action core.Action) (before, after string) {
	if !failpoint.On {
		return "", ""
	}
	switch a := action.(type) {
	case core.Put:
		return slotPoints(a.Name)
	case core.Get:
		return "failpoint:log.get.before", "failpoint:log.get.after"
	case core.List:
		return "failpoint:log.list.before", "failpoint:log.list.after"
	case core.Remove:
		return "failpoint:log.remove.before", "failpoint:log.remove.after"
	case core.Publish:
		if strings.Contains(a.File.Name, "/document.") {
			return "failpoint:document.publish.before", "failpoint:document.publish.after"
		}
		return "failpoint:part.publish.before", "failpoint:part.publish.after"
	case core.Check:
		return "failpoint:files.check.before", "failpoint:files.check.after"
	case core.Load:
		return "failpoint:partial.load.before", "failpoint:partial.load.after"
	case core.Compute:
		return "failpoint:task.compute.before", "failpoint:task.compute.after"
	case core.Save:
		return "failpoint:task.save.before", "failpoint:task.save.after"
	case core.Freeze:
		return "failpoint:phase.freeze.before", "failpoint:phase.freeze.after"
	case core.Compose:
		return "failpoint:manifest.compose.before", "failpoint:manifest.compose.after"
	case core.Ask:
		if a.Request.Kind == core.Propose {
			return "failpoint:claim.propose.before", "failpoint:claim.propose.after"
		}
		return "failpoint:fitted.wait.before", "failpoint:fitted.wait.after"
	}
	panic(fmt.Sprintf("quern: bug: no failpoints for %T", action))
}

// slotPoints returns the failpoints of putting a slot.
func slotPoints(name string) (before, after string) {
	switch {
	case strings.Contains(name, "/claim/"):
		return "failpoint:claim.put.before", "failpoint:claim.put.after"
	case strings.Contains(name, "/epoch/"):
		return "failpoint:epoch.put.before", "failpoint:epoch.put.after"
	case strings.HasSuffix(name, "/fitted"):
		return "failpoint:fitted.put.before", "failpoint:fitted.put.after"
	case strings.HasSuffix(name, "/manifest"):
		return "failpoint:manifest.put.before", "failpoint:manifest.put.after"
	}
	return "failpoint:plan.put.before", "failpoint:plan.put.after"
}
