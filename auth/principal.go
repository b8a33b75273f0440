package auth

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/digit-health/dhr/access"
)

// What a principal may have. These are far more than anybody needs.
const (
	maxText       = 256
	maxTenant     = 100 // as package docstore has it
	maxRoles      = 1000
	maxGroups     = 5000
	maxAttributes = 100
	maxValues     = 10000
)

// ClientPrefix begins the user of a principal that is no person but a machine with a key of its own, a client of package auth/smart. Nobody else has
// such a user, in whatever case it is written, so that a machine is never taken for a person who has its name.
const ClientPrefix = "smart-client:"

// CheckPrincipal returns an error if a principal is none that DHR works with:
// it needs a user, who does not begin with ClientPrefix, and a tenant; all its texts are UTF-8 of at most 256 bytes, without control
// characters, without blanks at either end and not empty; a tenant consists of
// letters, digits, _ and -, in parts between single dots; and it has at most 1,000 roles, 5,000
// groups, 100 attributes and 10,000 values of these. Every authenticator of DHR checks its principals so.
func CheckPrincipal(p *access.Principal) error {
	if err := checkText("user", p.User); err != nil {
		return err
	}
	if n := len(ClientPrefix); len(p.User) >= n && strings.EqualFold(p.User[:n], ClientPrefix) {
		return fmt.Errorf("the user begins with %s, as those of SMART clients do", ClientPrefix)
	}
	if err := checkTenant(p.Tenant); err != nil {
		return err
	}
	if len(p.Roles) > maxRoles || len(p.Groups) > maxGroups || len(p.Attributes) > maxAttributes {
		return fmt.Errorf("more than %d roles, %d groups or %d attributes", maxRoles, maxGroups, maxAttributes)
	}
	if err := checkTexts("role", p.Roles); err != nil {
		return err
	}
	if err := checkTexts("group", p.Groups); err != nil {
		return err
	}
	values := 0
	for name, texts := range p.Attributes {
		if err := checkText("name of an attribute", name); err != nil {
			return err
		}
		if err := checkTexts("attribute "+name, texts); err != nil {
			return err
		}
		values += len(texts)
	}
	if values > maxValues {
		return fmt.Errorf("more than %d values of attributes", maxValues)
	}
	return nil
}

func checkTexts(what string, texts []string) error {
	for _, text := range texts {
		if err := checkText(what, text); err != nil {
			return err
		}
	}
	return nil
}

// checkText returns an error that does not quote the text.
func checkText(what, text string) error {
	switch {
	case text == "":
		return fmt.Errorf("the %s is empty", what)
	case len(text) > maxText:
		return fmt.Errorf("the %s has more than %d bytes", what, maxText)
	case !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError):
		return fmt.Errorf("the %s is not UTF-8", what)
	case strings.TrimSpace(text) != text:
		return fmt.Errorf("the %s has blanks around it", what)
	case strings.ContainsFunc(text, notPlain):
		return fmt.Errorf("the %s has control characters", what)
	}
	return nil
}

// notPlain is true of characters that are not seen, with which one name may be made to look like another.
func notPlain(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == '\ufeff'
}

func checkTenant(tenant string) error {
	switch {
	case tenant == "":
		return errors.New("the tenant is empty")
	case len(tenant) > maxTenant:
		return fmt.Errorf("the tenant has more than %d bytes", maxTenant)
	}
	for part := range strings.SplitSeq(tenant, ".") {
		if part == "" {
			return errors.New("the tenant has an empty part")
		}
		for i := range len(part) {
			if !alphanumeric(part[i]) && part[i] != '_' && part[i] != '-' {
				return errors.New("the tenant has other characters than letters, digits and . _ -")
			}
		}
	}
	return nil
}

// TenantAllowed reports whether a principal of one tenant may ask for things of
// another: the same one, or with below also those below it, as pb.amritsar is below
// pb. An empty tenant may ask for nothing and is asked for by nobody.
func TenantAllowed(principal, wanted string, below bool) bool {
	if principal == "" || wanted == "" {
		return false
	}
	return principal == wanted || below && strings.HasPrefix(wanted, principal+".")
}
