package seal

import (
	"container/list"
	"sync"
	"time"

	"github.com/ward-health/ward/engine/db"
)

// cacheSize bounds the unwrapped subject keys in memory.
const cacheSize = 65_536

// sharedAge is how long an unwrapped key may be used on PostgreSQL, where another node may destroy it unseen.
const sharedAge = 3 * time.Second

type kidOf struct {
	tn  db.Tenant
	kid KeyID
}

type subjectOf struct {
	tn   db.Tenant
	subj Subject
	use  Use
}

type cached struct {
	subject subjectOf
	secret  *secret
	read    time.Time // before the row was read
}

// cache is a bounded LRU of live keys under two names. epoch counts destructions: a row read before one must not be put
// in after it, or a destroyed key would come back to life.
type cache struct {
	mu        sync.Mutex
	size      int
	age       time.Duration // zero: no limit
	epoch     uint64
	order     *list.List // of *cached, newest use first
	byKID     map[kidOf]*list.Element
	bySubject map[subjectOf]*list.Element
}

func newCache(size int, age time.Duration) *cache {
	return &cache{size: size, age: age, order: list.New(),
		byKID: map[kidOf]*list.Element{}, bySubject: map[subjectOf]*list.Element{}}
}

// now returns the epoch to hand to put.
func (c *cache) now() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

func (c *cache) subject(k subjectOf) (*secret, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.use(c.bySubject[k])
}

func (c *cache) kid(k kidOf) (*secret, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.use(c.byKID[k])
}

// use is called with mu held.
func (c *cache) use(e *list.Element) (*secret, bool) {
	if e == nil {
		return nil, false
	}
	v := e.Value.(*cached)
	if c.age > 0 && time.Since(v.read) >= c.age {
		c.remove(e)
		return nil, false
	}
	c.order.MoveToFront(e)
	return v.secret, true
}

// put adds a key that was read at the given time and epoch; it is left out when a key was destroyed since.
func (c *cache) put(epoch uint64, v *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	if e := c.bySubject[v.subject]; e != nil {
		c.remove(e)
	}
	e := c.order.PushFront(v)
	c.bySubject[v.subject] = e
	c.byKID[kidOf{v.subject.tn, v.secret.kid}] = e
	for c.order.Len() > c.size {
		c.remove(c.order.Back())
	}
}

// drop forgets the subject's key for good.
func (c *cache) drop(k subjectOf) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	if e := c.bySubject[k]; e != nil {
		c.remove(e)
	}
}

// remove is called with mu held.
func (c *cache) remove(e *list.Element) {
	v := c.order.Remove(e).(*cached)
	delete(c.bySubject, v.subject)
	delete(c.byKID, kidOf{v.subject.tn, v.secret.kid})
}
