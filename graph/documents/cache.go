package documents

import (
	"container/list"
	"strings"
	"sync"
)

// Bounds of what is kept of what clients send.
const (
	maxSent      = 2000
	maxSentBytes = 4 << 20 // of all texts and hashes
	maxTextBytes = 32 << 10
)

// cache keeps the texts used last by their hash, within bounds of number and size.
type cache struct {
	mu     sync.Mutex
	recent *list.List // of *sentText, the one used last in front
	byHash map[string]*list.Element
	bytes  int
}

type sentText struct{ hash, text string }

func (s *sentText) size() int { return len(s.hash) + len(s.text) }

func newCache() *cache { return &cache{recent: list.New(), byHash: map[string]*list.Element{}} }

func (c *cache) get(hash string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byHash[hash]
	if e == nil {
		return "", false
	}
	c.recent.MoveToFront(e)
	return e.Value.(*sentText).text, true
}

// add keeps a text in place of those that were not used for longest. Very long ones are not kept: they are sent each time.
func (c *cache) add(hash, text string) {
	if len(text) > maxTextBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byHash[hash]; e != nil {
		c.recent.MoveToFront(e)
		return
	}
	// Cloned: what was read from a request may be part of something larger.
	added := &sentText{strings.Clone(hash), strings.Clone(text)}
	c.byHash[added.hash] = c.recent.PushFront(added)
	c.bytes += added.size()
	for c.bytes > maxSentBytes || len(c.byHash) > maxSent {
		oldest := c.recent.Remove(c.recent.Back()).(*sentText)
		delete(c.byHash, oldest.hash)
		c.bytes -= oldest.size()
	}
}
