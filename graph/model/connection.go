package model

import (
	"context"

	"phoneregistry/registry"
)

// Connection is one page of a list. Cursors are made, and entries are counted, only when they are asked for.
type Connection[T any] struct {
	nodes     []T
	positions []registry.Position
	hasMore   bool
	first     bool // the page starts where the list starts
	cursor    func(registry.Position) string
	count     func(context.Context) (int64, error)
}

// NewConnection makes a connection of a page whose items have been wrapped as nodes. request is what was asked for,
// cursor seals a position, count counts the whole list.
func NewConnection[S, T any](page registry.Page[S], nodes []T, request registry.PageRequest,
	cursor func(registry.Position) string, count func(context.Context) (int64, error),
) Connection[T] {
	return Connection[T]{
		nodes: nodes, positions: page.Positions, hasMore: page.HasMore, first: request.After == nil,
		cursor: cursor, count: count,
	}
}

// Nodes returns the entries.
func (c *Connection[T]) Nodes() []T { return c.nodes }

// PageInfo tells where the page stands.
func (c *Connection[T]) PageInfo() *PageInfo {
	info := &PageInfo{HasNextPage: c.hasMore}
	if n := len(c.nodes); n > 0 {
		start, end := c.cursor(c.positions[0]), c.cursor(c.positions[n-1])
		info.StartCursor, info.EndCursor = &start, &end
	}
	return info
}

// TotalCount returns how many entries the list has in all. A list that ends on its first page has been counted.
func (c *Connection[T]) TotalCount(ctx context.Context) (int64, error) {
	if c.first && !c.hasMore {
		return int64(len(c.nodes)), nil
	}
	return c.count(ctx)
}

// Edge is an entry with its cursor.
type Edge[T any] struct {
	Cursor string
	Node   T
}

// edges makes the edges of a connection.
func edges[E ~struct {
	Cursor string
	Node   T
}, T any](c *Connection[T]) []E {
	all := make([]E, len(c.nodes))
	for i, node := range c.nodes {
		all[i] = E{Cursor: c.cursor(c.positions[i]), Node: node}
	}
	return all
}

// The connections of the schema and their edges.
type (
	// PhoneConnection is a page of phones.
	PhoneConnection struct{ Connection[*Phone] }
	// PhoneEdge is a phone in a page.
	PhoneEdge Edge[*Phone]
	// CustomerPhoneConnection is a page of customers' phones.
	CustomerPhoneConnection struct{ Connection[*CustomerPhone] }
	// CustomerPhoneEdge is a customer's phone in a page.
	CustomerPhoneEdge Edge[*CustomerPhone]
	// LeadScoreConnection is a page of lead scores.
	LeadScoreConnection struct{ Connection[*LeadScore] }
	// LeadScoreEdge is a lead score in a page.
	LeadScoreEdge Edge[*LeadScore]
	// LeadScoreHistoryConnection is a page of earlier scores.
	LeadScoreHistoryConnection struct {
		Connection[*registry.ScoreRecord]
	}
	// LeadScoreHistoryEdge is an earlier score in a page.
	LeadScoreHistoryEdge Edge[*registry.ScoreRecord]
	// ValidationJobConnection is a page of validation jobs.
	ValidationJobConnection struct{ Connection[*ValidationJob] }
	// ValidationJobEdge is a validation job in a page.
	ValidationJobEdge Edge[*ValidationJob]
	// ValidationScheduleConnection is a page of schedules.
	ValidationScheduleConnection struct {
		Connection[*ValidationSchedule]
	}
	// ValidationScheduleEdge is a schedule in a page.
	ValidationScheduleEdge Edge[*ValidationSchedule]
	// ValidationFailureConnection is a page of failures.
	ValidationFailureConnection struct{ Connection[*ValidationFailure] }
	// ValidationFailureEdge is a failure in a page.
	ValidationFailureEdge Edge[*ValidationFailure]
	// ImportBatchConnection is a page of imports.
	ImportBatchConnection struct{ Connection[*ImportBatch] }
	// ImportBatchEdge is an import in a page.
	ImportBatchEdge Edge[*ImportBatch]
	// QuarantineConnection is a page of quarantine entries.
	QuarantineConnection struct{ Connection[*QuarantineEntry] }
	// QuarantineEdge is a quarantine entry in a page.
	QuarantineEdge Edge[*QuarantineEntry]
)

// Edges returns the entries with their cursors.
func (c *PhoneConnection) Edges() []PhoneEdge { return edges[PhoneEdge](&c.Connection) }

// Edges returns the entries with their cursors.
func (c *CustomerPhoneConnection) Edges() []CustomerPhoneEdge {
	return edges[CustomerPhoneEdge](&c.Connection)
}

// Edges returns the entries with their cursors.
func (c *LeadScoreConnection) Edges() []LeadScoreEdge { return edges[LeadScoreEdge](&c.Connection) }

// Edges returns the entries with their cursors.
func (c *LeadScoreHistoryConnection) Edges() []LeadScoreHistoryEdge {
	return edges[LeadScoreHistoryEdge](&c.Connection)
}

// Edges returns the entries with their cursors.
func (c *ValidationJobConnection) Edges() []ValidationJobEdge {
	return edges[ValidationJobEdge](&c.Connection)
}

// Edges returns the entries with their cursors.
func (c *ValidationScheduleConnection) Edges() []ValidationScheduleEdge {
	return edges[ValidationScheduleEdge](&c.Connection)
}

// Edges returns the entries with their cursors.
func (c *ValidationFailureConnection) Edges() []ValidationFailureEdge {
	return edges[ValidationFailureEdge](&c.Connection)
}

// Edges returns the entries with their cursors.
func (c *ImportBatchConnection) Edges() []ImportBatchEdge {
	return edges[ImportBatchEdge](&c.Connection)
}

// Edges returns the entries with their cursors.
func (c *QuarantineConnection) Edges() []QuarantineEdge { return edges[QuarantineEdge](&c.Connection) }
