package registry

import "github.com/google/uuid"

// silent is a Notifier for installations where nobody listens.
type silent struct{}

func (silent) JobChanged(uuid.UUID)    {}
func (silent) JobCancelled(uuid.UUID)  {}
func (silent) ImportChanged(uuid.UUID) {}
func (silent) LeadsChanged([]Number)   {}
