package lookup

import "sync"

// Cache keeps compiled queries under the bytes by which requests ask for them. It
// is safe for concurrent use; the zero value is ready.
//
// It holds at most maxQueries: clients that ask for something new every time empty
// it now and then, and cost others a compilation, but no memory.
type Cache struct {
	mu      sync.RWMutex
	queries map[string]*Query
	bytes   int
}

const (
	maxQueries    = 1024
	maxQueryBytes = 8 << 20 // of keys
)

// Get returns the query under key, or nil.
func (c *Cache) Get(key []byte) *Query {
	c.mu.RLock()
	q := c.queries[string(key)]
	c.mu.RUnlock()
	return q
}

// Put keeps q under key, whose bytes it copies.
func (c *Cache) Put(key []byte, q *Query) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queries == nil || len(c.queries) >= maxQueries || c.bytes+len(key) > maxQueryBytes {
		c.queries, c.bytes = make(map[string]*Query), 0
	}
	if len(key) > maxQueryBytes {
		return
	}
	if _, have := c.queries[string(key)]; !have {
		c.bytes += len(key)
	}
	c.queries[string(key)] = q
}
