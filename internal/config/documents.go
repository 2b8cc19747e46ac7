package config

// Documents says which GraphQL documents may be named in place of being sent, and which may be run.
type Documents struct {
	TrustedDocuments     string `help:"JSON object of ids and GraphQL documents, as relay-compiler and graphql-codegen write it: requests may name these by id or by SHA-256. One that does not fit the schema ends the start." type:"path" placeholder:"FILE"`
	TrustedDocumentsOnly bool   `help:"Run nothing but the documents of --trusted-documents and those of the dashboard; all else, introspection and what is typed into GraphiQL too, is refused with DOCUMENT_NOT_TRUSTED."`
	NoPersistedQueries   bool   `name:"no-persisted-queries" help:"Keep no documents that clients send with their SHA-256 (automatic persisted queries)."`
}

func (d *Documents) check() error {
	if d.TrustedDocumentsOnly && d.TrustedDocuments == "" {
		return &Error{"--trusted-documents", "", "is required with --trusted-documents-only"}
	}
	return nil
}
