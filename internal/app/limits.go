package app

import (
	"phoneregistry/graph/guard"
	"phoneregistry/internal/config"
)

// guardLimits are the limits of an operation, as they are set. They hold for trusted documents too.
func guardLimits(c config.Limits) guard.Limits {
	return guard.Limits{
		Bytes: c.MaxDocumentBytes, Tokens: c.MaxTokens, Depth: c.MaxDepth, Aliases: c.MaxAliases, Directives: c.MaxDirectives,
		RootFields: c.MaxRootFields, Fields: c.MaxFields, Work: c.MaxWork, Entries: c.MaxEntries, First: c.MaxPage, Cost: c.MaxCost,
	}
}
