package core

import (
	"fmt"

	"quern/shard/internal/museum"
	"quern/shard/record"
)

// publishAll gives the parts of all shards their names. Most have them: the worker
// that won does it first. A file without a final name is for Compose alone.
func (c *closer) publishAll() {
	var files []record.File
	var lately []bool
	for i := range c.slots {
		if claim := c.slots[i].claim; !claim.Failed() {
			for _, f := range visible(claim.Files) {
				files, lately = append(files, f), append(lately, c.slots[i].lately)
			}
		}
	}
	if c.Bug.Is(museum.SkipPublish) {
		files = nil
	}
	c.each(len(files), width, func(i int, done func(bool)) {
		c.publish(files[i], lately[i], 0, func(o Outcome) {
			if o != Done {
				c.exit(Broken, "%s: %s", files[i].Final, reasonOf(o))
			}
			done(false)
		})
	}, func() { c.compose(0) })
}

// visible returns the files that readers will see.
func visible(files []record.File) (seen []record.File) {
	for _, f := range files {
		if f.Final != "" {
			seen = append(seen, f)
		}
	}
	return seen
}

// reasonOf says why a file cannot be published.
func reasonOf(o Outcome) string {
	if o == Conflict {
		return "a file that this job did not write has the name"
	}
	return fmt.Sprintf("the file that the log names is %v", o)
}

// compose makes the manifest for readers, under a name of its own, and puts the record.
func (c *closer) compose(try int) {
	attempt := c.draw(c.phase.Shards)
	claims := make([]record.Claim, len(c.slots))
	for i := range c.slots {
		claims[i] = *c.slots[i].claim
	}
	c.do(Compose{c.on(func(a Answer) {
		if a.Outcome == Corrupt {
			c.broken(try, "manifest", a.Cause, func() { c.compose(try + 1) })
			return
		}
		if a.Outcome != Done {
			c.again(try, "manifest", func() { c.compose(try + 1) })
			return
		}
		m := &record.Manifest{Attempt: attempt, Epoch: c.epoch, Rows: c.rows, Claims: claims, Document: a.File}
		c.settle(c.names.Manifest(), m.Encode(c.Job), c.fence, func(winner []byte) {
			c.end(winner, func() { c.closed(nil) })
		})
	}), c.phase, claims, c.names.Document(attempt)})
}

// end lets readers see the manifest whose bytes are in the slot.
func (m *machine) end(manifest []byte, done func()) {
	won, err := record.ParseManifest(manifest, m.Job)
	if err != nil {
		m.damaged(m.names.Manifest(), err)
		return
	}
	m.publish(won.Document, false, 0, func(o Outcome) {
		if o != Done {
			m.exit(Broken, "%s: %s", won.Document.Final, reasonOf(o))
			return
		}
		done()
	})
}
