package registry

import (
	"context"
	"errors"

	"github.com/google/uuid"
)

// MaxQuarantinedRaw is how much of a row is kept in quarantine, in bytes.
const MaxQuarantinedRaw = 64 << 10

// ImportOptions says how a file is read. They are kept with the import as JSON, and are part of what makes two imports
// of one file the same.
type ImportOptions struct {
	Format    string            `json:"format"`
	Region    string            `json:"region,omitempty"` // of numbers without a country code; "": none
	Area      string            `json:"area,omitempty"`   // of local numbers; "": none
	Map       map[string]string `json:"map,omitempty"`    // field to column
	MaxPhones int               `json:"maxPhones"`        // phones a customer may have
}

// Spool is where a received file waits: a directory, by its id, and a name in it. The zero value means that the file
// was not received but is read where it lies.
type Spool struct {
	Dir  uuid.UUID
	Name string
}

// NewImport is a file that is to be imported.
type NewImport struct {
	ID          uuid.UUID
	FileName    string
	Source      string
	Options     ImportOptions
	Encoding    string
	ContentHash [32]byte // SHA-256
	BytesTotal  int64
	Spool       Spool
}

// ImportTask is an import with what is needed to work on it.
type ImportTask struct {
	ImportBatch
	Options ImportOptions
	Spool   Spool
}

// ErrImportBusy is returned when another process works on an import.
var ErrImportBusy = errors.New("another process works on the import")

// ErrUnstorable is returned when the store refuses rows for what they hold, so that trying again cannot help.
var ErrUnstorable = errors.New("the store refuses the rows")

// ImportClaim is the right to work on an import. While it is held nobody else gets it; it ends with the process.
// It is not safe for concurrent use.
type ImportClaim interface {
	// Task returns the import as it stood when it was claimed, or as of the last change through the claim.
	Task() ImportTask
	// Merge takes rows into the registry and moves the checkpoint, all in one transaction. ErrImportBusy when the
	// checkpoint is not where the rows begin, because the claim was lost and somebody else has gone on. ErrUnstorable.
	Merge(ctx context.Context, rows ImportRows) (ImportBatch, error)
	// End makes the import COMPLETED or FAILED.
	End(ctx context.Context, status ImportStatus, message string) (ImportBatch, error)
	// Release gives the claim back. It works also when ctx has ended.
	Release(ctx context.Context)
}

// ImportRows is a run of rows of a file.
type ImportRows struct {
	To   int64 // offset in the file at which reading goes on
	Rows []ImportRow
}

// ImportRow is a row of a file, read.
type ImportRow struct {
	No         int64 // 1 is the first after the header
	Raw        []byte
	Hash       [16]byte
	CustomerID string // "" when Numbers is empty
	Numbers    []ImportNumber
	Rejections []Rejection
}

// ImportNumber is a number of a row.
type ImportNumber struct {
	Phone       Phone // described; CreatedAt and UpdatedAt are set by the store
	Extension   string
	MakePrimary bool
}

// Rejection says why a row, or a number of it, is not accepted. Its message holds no phone number.
type Rejection struct {
	Reason  string // a reason code of quarantine
	Message string
}
