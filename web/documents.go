package web

import (
	_ "embed"
	"encoding/json"
)

//go:embed documents.json
var documentsJSON []byte

// Documents are the operations that the dashboard sends, by the SHA-256 of their text. A test in src writes and checks the
// file that they are in.
func Documents() map[string]string {
	var documents map[string]string
	if err := json.Unmarshal(documentsJSON, &documents); err != nil {
		return nil // a test reads the file, which is compiled in
	}
	return documents
}
