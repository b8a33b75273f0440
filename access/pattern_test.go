package access

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestIndexes says which indexes a name in a grant gives.
func TestIndexes(t *testing.T) {
	t.Parallel()
	pb := &Principal{User: "asha", Tenant: "pb"}
	tests := []struct {
		pattern string
		who     *Principal
		yes, no []string
	}{
		{"visits", pb, []string{"visits"}, []string{"visits2", "Visits", "", "*", "visits,labs"}},
		{"health-*", pb, []string{"health-", "health-visits", "health-a.b_c"},
			[]string{"health", "xhealth-a", "health-*", "health-a,b", "health-a/b", "health-a?", "health-a b", "health-\x00", "health-a:b", "health-\xff"}},
		{"*", pb, []string{"a", "a-b"}, []string{"", ".security", "dhr-config-filters", "remote:a", "a,b", "<a-{now/d}>", "-a", "+a", "_all*"}},
		{".kibana*", pb, []string{".kibana", ".kibana_1"}, []string{".security", "kibana"}},
		{"dhr-config-*", pb, []string{"dhr-config-filters"}, []string{"dhr-config"}},
		{"dhr-*", pb, []string{"dhr-visits"}, []string{"dhr-config-filters"}},
		{".security", pb, []string{".security"}, []string{".security-7"}},
		{"{tenant}-task-v1", pb, []string{"pb-task-v1"}, []string{"pba-task-v1", "-task-v1", "{tenant}-task-v1", "pb-task-v2"}},
		{"{tenant}-*", pb, []string{"pb-a", "pb-north-a"}, []string{"pba-a", "kl-a", "pb"}},
		{"*-{tenant}-*", pb, []string{"x-pb-y", "x-kl-pb-y"}, []string{"x-pb", "pb-y"}},
		{"{user}-box", pb, []string{"asha-box"}, []string{"pb-box"}},
		{"{tenant}-{user}", pb, []string{"pb-asha"}, []string{"pb-"}},
		{"{tenant}-v", &Principal{Tenant: "pb.amritsar"}, []string{"pb.amritsar-v"}, []string{"pb-v"}},
		{"{root}-v", &Principal{Tenant: "pb.amritsar"}, []string{"pb-v"}, []string{"pb.amritsar-v"}},
		{"{root}-v", &Principal{Tenant: ".x"}, nil, []string{"-v", ".x-v"}},
		{"{tenant}-v", &Principal{}, nil, []string{"-v", "*-v", "{tenant}-v"}},
		{"{tenant}*", &Principal{}, nil, []string{"pb", ""}},
		{"{tenant}-v", &Principal{Tenant: "*"}, nil, []string{"pb-v", "*-v"}},
		{"{tenant}-v", &Principal{Tenant: "p*"}, nil, []string{"pb-v", "p*-v"}},
		{"{tenant}-v", &Principal{Tenant: "pb,kl"}, nil, []string{"pb-v", "kl-v", "pb,kl-v"}},
		{"{tenant}-v", &Principal{Tenant: "pb/.."}, nil, []string{"pb-v", "pb/..-v"}},
		{"{tenant}-v", &Principal{Tenant: "{user}", User: "pb"}, nil, []string{"pb-v", "{user}-v"}},
		{"{tenant}-v", &Principal{Tenant: "-pb"}, nil, []string{"-pb-v"}},
		{"{tenant}", &Principal{Tenant: "dhr-config-filters"}, nil, []string{"dhr-config-filters"}},
		{"{tenant}-*", &Principal{Tenant: "dhr-config"}, nil, []string{"dhr-config-filters"}},
		{"a*b*c", pb, []string{"abc", "axbxc", "abbcc", "abcbc"}, []string{"ab", "acb", "abcx"}},
		{"a*a", pb, []string{"aa", "axa"}, []string{"a"}},
		{"स्वास्थ्य-*", pb, []string{"स्वास्थ्य-अ"}, []string{"स्वास्थ्य"}},
	}
	for _, c := range tests {
		t.Run(c.pattern+" for "+c.who.Tenant, func(t *testing.T) {
			t.Parallel()
			p, err := parsePattern(c.pattern)
			require.NoError(t, err)
			for _, name := range c.yes {
				require.True(t, p.fits(c.who, name), name)
			}
			for _, name := range c.no {
				require.False(t, p.fits(c.who, name), name)
			}
		})
	}
}

// TestTenantNeverWidens holds that a template fits the one name that it makes, whatever the tenant.
func TestTenantNeverWidens(t *testing.T) {
	t.Parallel()
	p, err := parsePattern("{tenant}-visits")
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringOf(rapid.SampledFrom([]rune("pb*,/{}.-?x"))), rapid.String())
		who, name := &Principal{Tenant: text.Draw(t, "tenant")}, text.Draw(t, "index")+"-visits"
		if p.fits(who, name) {
			require.Equal(t, who.Tenant+"-visits", name)
			require.False(t, strings.ContainsAny(who.Tenant, "*,/{}?"))
		}
	})
}

// TestGlobBelow holds that globBelow finds every pattern that fits something with a prefix.
func TestGlobBelow(t *testing.T) {
	t.Parallel()
	word := rapid.StringOf(rapid.SampledFrom([]rune("ab.")))
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(word, 2, 4).Draw(t, "parts")
		prefix, rest := word.Draw(t, "prefix"), word.Draw(t, "rest")
		if glob(parts, prefix+rest) {
			require.True(t, globBelow(parts, prefix))
		}
		if globBelow(parts, prefix) {
			require.True(t, glob(parts, parts[0]+strings.TrimPrefix(prefix, parts[0])+strings.Join(parts[1:], "")))
		}
	})
}
