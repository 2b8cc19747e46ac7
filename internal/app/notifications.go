package app

import "phoneregistry/registry/dispatch"

// runDispatcher tells webhooks and the stream of events what happened.
func (s *Server) runDispatcher() error {
	d, err := dispatch.New(dispatch.Config{
		Outbox: s.store, Accesses: s.accesses, Conn: s.conn, Stream: streamOptions(s.config.Delivery), Logger: s.log, Registerer: s.metrics,
		AllowPrivate: s.config.WebhookAllowPrivate, UserAgent: "phoneregistry/" + s.version,
	})
	if err != nil {
		return err
	}
	s.parts.loop("dispatcher", d.Run)
	return nil
}
