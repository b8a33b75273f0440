package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/access"
	"github.com/digit-health/dhr/record"
)

func TestPermissions(t *testing.T) {
	t.Parallel()
	roles, err := access.ParseRoles(access.DefaultRoles())
	require.NoError(t, err)
	p, err := access.NewPolicy(roles, nil)
	require.NoError(t, err)
	for role, want := range map[string][]access.Permission{
		"PATIENT":  {access.MayView},
		"ANALYST":  {access.MayView, access.MayShare},
		"EXPORTER": {access.MayView, access.MayExport},
		"ADMIN":    {access.MayView, access.MayExport, access.MayShare, access.MayAudit, access.MayAdmin},
		"admin":    {},
		"":         {},
	} {
		require.Equal(t, want, p.Permissions(&access.Principal{User: "u", Roles: []string{role}}), role)
	}
	both := &access.Principal{Roles: []string{"EXPORTER", "ANALYST"}}
	require.Equal(t, []access.Permission{access.MayView, access.MayExport, access.MayShare}, p.Permissions(both))
	require.False(t, p.May(nil, access.MayView))
}

func TestUnknownPermissions(t *testing.T) {
	t.Parallel()
	_, err := access.NewPolicy(map[string]access.Role{"r": {Permissions: []access.Permission{"view", "root"}}}, nil)
	var bad *access.Error
	require.ErrorAs(t, err, &bad)
	require.Equal(t, "permissions[1]", bad.Part)
	require.ErrorContains(t, err, "root")
}

// The shipped roles hold patients to their own records and analysts to what is not personal.
func TestDefaultRolesSee(t *testing.T) {
	t.Parallel()
	roles, err := access.ParseRoles(access.DefaultRoles())
	require.NoError(t, err)
	p, err := access.NewPolicy(roles, nil)
	require.NoError(t, err)
	visits, err := record.ParseSchema("visits", []byte(`{"mappings": {"properties": {
		"patient_id": {"type": "keyword"}, "name": {"type": "keyword"}}, "_meta": {"dhr": {"personal": ["name"]}}}}`))
	require.NoError(t, err)
	stock, err := record.ParseSchema("stock", []byte(`{"mappings": {"properties": {"facility": {"type": "keyword"}}}}`))
	require.NoError(t, err)

	patient := &access.Principal{User: "p", Roles: []string{"PATIENT"}, Attributes: map[string][]string{"patient_id": {"0042"}}}
	v, ok := p.View(patient, visits)
	require.True(t, ok)
	scope, err := v.Scope(t.Context(), nil)
	require.NoError(t, err)
	require.Contains(t, scope.String(), "0042")
	v, ok = p.View(patient, stock)
	if ok { // a rule that cannot be resolved denies
		_, err = v.Scope(t.Context(), nil)
		require.ErrorIs(t, err, access.ErrDenied)
	}

	v, ok = p.View(&access.Principal{User: "a", Roles: []string{"ANALYST"}}, visits)
	require.True(t, ok)
	require.False(t, v.Shown(visits.Field("name")))
	require.True(t, v.Shown(visits.Field("patient_id")))
}
