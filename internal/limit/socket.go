package limit

// Socket is a WebSocket.
type Socket struct {
	l        *Limiter
	messages bucket
	account  *account // nil: of which is not known whose it is
	counted  bool     // with its account
	receives bool     // a large message
	left     bool
}

// Connect takes a place for a WebSocket, before it is known whose it is. Those of whom it is not known yet have a quarter of
// all places.
func (l *Limiter) Connect() (*Socket, *Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	most := l.bounds[connections].Total
	if most > 0 && (l.total[connections] >= most || l.waiting >= l.waitingMost) {
		return nil, l.full(connections, false, most)
	}
	l.total[connections]++
	l.waiting++
	return &Socket{l: l}, nil
}

// Join says whose the WebSocket is.
func (s *Socket) Join(token string) *Refusal {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	if s.left || s.account != nil {
		return nil
	}
	s.l.waiting--
	s.account = s.l.find(token, s.l.moment())
	s.account.pins++
	if own := s.l.bounds[connections].Own; own > 0 && s.account.held[connections] >= own {
		return s.l.full(connections, true, own)
	}
	s.account.held[connections]++
	s.counted = true
	return nil
}

// Message counts a message that the client has sent; false when there are too many. Only the reader of the WebSocket may
// call it.
func (s *Socket) Message() bool {
	if s.messages.take(s.l.messages, s.l.moment(), 1) == 0 {
		return true
	}
	s.l.count(&Refusal{Policy: PolicyMessages, Own: true})
	return false
}

// Receive takes the place of a large message that is on its way, until Received or Leave. Of whom it is not known yet, none
// is large. Only the reader of the WebSocket may call it.
func (s *Socket) Receive() *Refusal {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	if s.left || s.account == nil || s.receives {
		return nil
	}
	no := s.l.hold(s.account, 1<<receiving)
	s.receives = no == nil
	return no
}

// Received gives the place of a message back. Without one it does nothing.
func (s *Socket) Received() {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	s.received()
}

func (s *Socket) received() {
	if s.receives {
		s.l.release(s.account, 1<<receiving)
		s.receives = false
	}
}

// Leave gives the place back. To leave twice does nothing.
func (s *Socket) Leave() {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	if s.left {
		return
	}
	s.left = true
	s.received()
	s.l.total[connections]--
	if s.account == nil {
		s.l.waiting--
		return
	}
	s.account.pins--
	if s.counted {
		s.account.held[connections]--
	}
}
