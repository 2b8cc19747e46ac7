package scalar

import (
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
)

// marshalEnum writes the name of an enum value; the domain's text is the name in the API. No value is null.
func marshalEnum[E ~string](v E) graphql.Marshaler {
	if v == "" {
		return graphql.Null
	}
	return graphql.MarshalString(string(v))
}

// unmarshalEnum reads the name of an enum value, in exactly its spelling.
func unmarshalEnum[E ~string](v any, all ...E) (E, error) {
	if text, ok := v.(string); ok && slices.Contains(all, E(text)) {
		return E(text), nil
	}
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = string(e)
	}
	return "", registry.Errorf(registry.CodeInvalidInput, nil, "not one of %s", strings.Join(names, ", "))
}

// MarshalPlatform writes a Platform.
func MarshalPlatform(v registry.Platform) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalPlatform reads a Platform.
func UnmarshalPlatform(v any) (registry.Platform, error) {
	return unmarshalEnum(v, scoring.Checkable()...)
}

// MarshalLineType writes a LineType.
func MarshalLineType(v registry.LineType) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalLineType reads a LineType.
func UnmarshalLineType(v any) (registry.LineType, error) {
	return unmarshalEnum(v, numbering.Mobile, numbering.FixedLine, numbering.FixedLineOrMobile, numbering.TollFree,
		numbering.PremiumRate, numbering.SharedCost, numbering.VoIP, numbering.PersonalNumber, numbering.Pager,
		numbering.UAN, numbering.Voicemail, numbering.Unknown)
}

// MarshalQualityTier writes a QualityTier.
func MarshalQualityTier(v registry.Tier) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalQualityTier reads a QualityTier.
func UnmarshalQualityTier(v any) (registry.Tier, error) {
	return unmarshalEnum(v, scoring.TierPremium, scoring.TierHigh, scoring.TierMedium, scoring.TierLow,
		scoring.TierPoor, scoring.TierUnknown)
}

// MarshalValidationStatus writes a ValidationStatus.
func MarshalValidationStatus(v registry.Status) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalValidationStatus reads a ValidationStatus.
func UnmarshalValidationStatus(v any) (registry.Status, error) {
	return unmarshalEnum(v, scoring.Active, scoring.Inactive, scoring.NotFound, scoring.RateLimited, scoring.Failed,
		scoring.Unknown, scoring.NotCheckable)
}

// MarshalJobStatus writes a JobStatus.
func MarshalJobStatus(v registry.JobStatus) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalJobStatus reads a JobStatus.
func UnmarshalJobStatus(v any) (registry.JobStatus, error) {
	return unmarshalEnum(v, registry.JobQueued, registry.JobRunning, registry.JobPaused, registry.JobCompleted,
		registry.JobFailed, registry.JobCancelled)
}

// MarshalJobPriority writes a JobPriority.
func MarshalJobPriority(v registry.JobPriority) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalJobPriority reads a JobPriority.
func UnmarshalJobPriority(v any) (registry.JobPriority, error) {
	return unmarshalEnum(v, registry.PriorityLow, registry.PriorityNormal, registry.PriorityHigh)
}

// MarshalScheduleStatus writes a ScheduleStatus.
func MarshalScheduleStatus(v registry.ScheduleStatus) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalScheduleStatus reads a ScheduleStatus.
func UnmarshalScheduleStatus(v any) (registry.ScheduleStatus, error) {
	return unmarshalEnum(v, registry.ScheduleActive, registry.SchedulePaused)
}

// MarshalImportStatus writes an ImportStatus.
func MarshalImportStatus(v registry.ImportStatus) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalImportStatus reads an ImportStatus.
func UnmarshalImportStatus(v any) (registry.ImportStatus, error) {
	return unmarshalEnum(v, registry.ImportQueued, registry.ImportRunning, registry.ImportCompleted,
		registry.ImportFailed)
}

// MarshalRole writes a Role.
func MarshalRole(v registry.Role) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalRole reads a Role.
func UnmarshalRole(v any) (registry.Role, error) {
	return unmarshalEnum(v, registry.RoleViewer, registry.RoleAnalyst, registry.RoleSteward, registry.RoleOperator,
		registry.RoleAdmin)
}

// MarshalUserErrorCode writes a UserErrorCode.
func MarshalUserErrorCode(v registry.Code) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalUserErrorCode reads a UserErrorCode.
func UnmarshalUserErrorCode(v any) (registry.Code, error) {
	return unmarshalEnum(v, registry.CodeInvalidNumber, registry.CodeInvalidInput, registry.CodeNotFound,
		registry.CodeTooManyPhones, registry.CodeUnknownSource, registry.CodeEmptyTarget,
		registry.CodePlatformMissing, registry.CodeInvalidState)
}

// MarshalPhoneOrderField writes a PhoneOrderField.
func MarshalPhoneOrderField(v registry.PhoneOrderField) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalPhoneOrderField reads a PhoneOrderField.
func UnmarshalPhoneOrderField(v any) (registry.PhoneOrderField, error) {
	return unmarshalEnum(v, registry.OrderByNumber, registry.OrderByCreatedAt, registry.OrderByUpdatedAt,
		registry.OrderByScore)
}

// MarshalScope writes a Scope.
func MarshalScope(v registry.Scope) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalScope reads a Scope.
func UnmarshalScope(v any) (registry.Scope, error) {
	return unmarshalEnum(v, registry.AllScopes()...)
}

// MarshalAPIKeyStatus writes an ApiKeyStatus.
func MarshalAPIKeyStatus(v registry.APIKeyStatus) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalAPIKeyStatus reads an ApiKeyStatus.
func UnmarshalAPIKeyStatus(v any) (registry.APIKeyStatus, error) {
	return unmarshalEnum(v, registry.APIKeyActive, registry.APIKeyExpired, registry.APIKeyRevoked)
}
