package chaos

import (
	"net"
	"sync"
	"time"
)

// linkState is what a network between two processes does.
type linkState int

const (
	linkFine     linkState = iota
	linkCut                // connections end and new ones are refused
	linkStalled            // nothing gets through for now, both ways; what is held arrives later
	linkDeafUp             // what the client says is held, what the server says arrives
	linkDeafDown           // the other way round
	linkHalfOpen           // what is sent is lost for ever, on connections that stay open
	linkSlow               // small pieces, each of them late
)

// proxy is the network between one process and one server.
type proxy struct {
	listener net.Listener
	dial     func() (net.Conn, error)
	pumps    sync.WaitGroup

	mu    sync.Mutex
	state linkState
	moved chan struct{} // closed when state changes
	pipes map[*pipe]struct{}
	done  bool
}

// pipe is one connection through a proxy.
type pipe struct {
	client, server net.Conn
	lost           bool // was half open once: nothing gets through any more
}

func newProxy(dial func() (net.Conn, error)) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, dial: dial, moved: make(chan struct{}), pipes: map[*pipe]struct{}{}}
	p.pumps.Go(p.accept)
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.pumps.Go(func() { p.join(client) })
	}
}

// join connects a client with the server, unless the link is cut.
func (p *proxy) join(client net.Conn) {
	p.mu.Lock()
	refused := p.state == linkCut || p.done
	p.mu.Unlock()
	if refused {
		_ = client.Close()
		return
	}
	server, err := p.dial()
	if err != nil {
		_ = client.Close()
		return
	}
	c := &pipe{client: client, server: server}
	p.mu.Lock()
	if p.done || p.state == linkCut {
		p.mu.Unlock()
		c.close()
		return
	}
	c.lost = p.state == linkHalfOpen
	p.pipes[c] = struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.pump(c, server, client, true) })
	both.Go(func() { p.pump(c, client, server, false) })
	both.Wait()
	p.mu.Lock()
	delete(p.pipes, c)
	p.mu.Unlock()
}

func (c *pipe) close() {
	_ = c.client.Close()
	_ = c.server.Close()
}

// pump passes on what from says, as the state of the link lets it.
func (p *proxy) pump(c *pipe, to, from net.Conn, up bool) {
	defer c.close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !p.pass(c, to, buffer[:n], up) {
			return
		}
		if err != nil {
			return
		}
	}
}

// pass waits until data may go on its way, and sends it. It returns false when the connection is over.
func (p *proxy) pass(c *pipe, to net.Conn, data []byte, up bool) bool {
	for {
		p.mu.Lock()
		state, moved, lost, ended := p.state, p.moved, c.lost, p.done
		p.mu.Unlock()
		switch {
		case ended || state == linkCut:
			return false
		case lost:
			return true
		case state == linkStalled, state == linkDeafUp && up, state == linkDeafDown && !up:
			<-moved
			continue
		case state == linkSlow:
			for len(data) > 0 {
				piece := data[:min(len(data), 512)]
				time.Sleep(2 * time.Millisecond) // this is the fault
				if _, err := to.Write(piece); err != nil {
					return false
				}
				data = data[len(piece):]
			}
			return true
		}
		_, err := to.Write(data)
		return err == nil
	}
}

// set changes what the network does. Connections that were half open stay lost until somebody gives them up.
func (p *proxy) set(state linkState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = state
	close(p.moved)
	p.moved = make(chan struct{})
	for c := range p.pipes {
		switch state {
		case linkHalfOpen:
			c.lost = true
		case linkCut:
			c.close()
		}
	}
}

// forget closes the connections that were half open, as a peer that was restarted would.
func (p *proxy) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pipes {
		if c.lost {
			c.close()
		}
	}
}

func (p *proxy) close() {
	p.mu.Lock()
	p.done = true
	close(p.moved)
	p.moved = make(chan struct{})
	for c := range p.pipes {
		c.close()
	}
	p.mu.Unlock()
	_ = p.listener.Close()
	p.pumps.Wait()
}
