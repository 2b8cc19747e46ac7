package app

import (
	"context"
	"os"

	"phoneregistry/graph/documents"
	"phoneregistry/graph/guard"
	"phoneregistry/internal/config"
	"phoneregistry/internal/httpd"
	"phoneregistry/web"
)

// loadDocuments reads the documents that may be named, before anything is started: one that does not fit the schema ends
// the start. The dashboard's are always among them, so that it works where nothing else is run.
func (s *Server) loadDocuments(context.Context) error {
	limits := guardLimits(s.config.Limits)
	if _, err := documents.Trust(httpd.Schema(), limits, web.Documents()); err != nil {
		return &config.Error{Field: "--max-…", Want: "the limits leave no room for the dashboard: " + err.Error()}
	}
	trusted, err := readTrusted(s.config.TrustedDocuments, limits)
	if err != nil {
		return &config.Error{Field: "--trusted-documents", Value: s.config.TrustedDocuments, Want: err.Error()}
	}
	s.documents = documents.Config{
		Trusted: trusted, Only: s.config.TrustedDocumentsOnly, NoAutomatic: s.config.NoPersistedQueries,
	}
	if s.config.TrustedDocuments != "" {
		s.log.Info("trusted documents loaded", "documents", trusted.Len(), "only", s.config.TrustedDocumentsOnly)
	}
	return nil
}

// readTrusted reads the dashboard's documents and, unless path is empty, those of a file. All must be within the limits.
func readTrusted(path string, limits guard.Limits) (*documents.Trusted, error) {
	lists := []map[string]string{web.Documents()}
	if path != "" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // it was read
		list, err := documents.Read(file)
		if err != nil {
			return nil, err
		}
		lists = append(lists, list)
	}
	return documents.Trust(httpd.Schema(), limits, lists...)
}
