package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"github.com/digit-health/dhr/access"
)

// DigitGatewayOptions are what [DigitGateway] may be told.
type DigitGatewayOptions struct {
	// Users says what of a user becomes of the principal.
	Users DigitUsers
	// MaxBody is how large a body may be in which the user is looked for. If zero, 1 MiB.
	MaxBody int64
}

// DigitGateway returns an Authenticator that believes DIGIT 2's gateway, zuul or Spring, what it says of the
// user: in RequestInfo.userInfo of a JSON body, and of a request without one in the header
// x-user-info. It believes it only if the request comes from one of the proxies,
// of which there has to be one. From elsewhere the header is refused; userInfo in
// a body, which many clients send without a thought, is as if it were not there.
//
// Both gateways pass on what a client wrote of itself if the route is on their list
// of open endpoints, or of mixed ones. No route on which this authenticator is
// asked may be on these lists. See docs/auth.md.
func DigitGateway(proxies []netip.Prefix, opts *DigitGatewayOptions) (Authenticator, error) {
	if err := checkProxies(proxies); err != nil {
		return nil, err
	}
	g := &digitGateway{proxies: slices.Clone(proxies)}
	if opts != nil {
		g.opts = *opts
	}
	if g.opts.MaxBody <= 0 {
		g.opts.MaxBody = defaultBody
	}
	return g, nil
}

func checkProxies(proxies []netip.Prefix) error {
	if len(proxies) == 0 {
		return errors.New("auth: who believes a gateway needs the list of its addresses")
	}
	for _, p := range proxies {
		switch {
		case !p.IsValid():
			return errors.New("auth: a proxy is no range of addresses")
		case p.Bits() == 0:
			return fmt.Errorf("auth: the proxies %s are all addresses, so that everybody could name any user", p)
		}
	}
	return nil
}

type digitGateway struct {
	proxies []netip.Prefix
	opts    DigitGatewayOptions
}

func (g *digitGateway) Authenticate(r *http.Request) (*access.Principal, error) {
	const scheme = "digit 2 gateway"
	refuse := func(kind error, reason string, cause error) (*access.Principal, error) {
		return nil, gatewayError(scheme, kind, reason, cause)
	}
	headers := r.Header.Values("X-User-Info")
	if !fromProxy(r, g.proxies) {
		if len(headers) > 0 {
			return refuse(ErrUnauthenticated, "the header x-user-info comes from "+peerText(r)+", which is no proxy of the list", nil)
		}
		return refuse(ErrNoCredentials, "", nil)
	}
	if len(headers) > 1 {
		return refuse(ErrUnauthenticated, "the header x-user-info stands there twice: one of them is not the gateway's", nil)
	}
	user, err := g.user(r, headers)
	var none errNoRequestInfo
	switch {
	case errors.As(err, &none):
		return refuse(ErrNoCredentials, none.Error(), nil)
	case err != nil:
		return refuse(ErrUnauthenticated, err.Error(), nil)
	}
	who, err := user.principal(r, &g.opts.Users)
	if err != nil {
		return refuse(ErrUnauthenticated, err.Error(), err)
	}
	return who, nil
}

// user returns whom the gateway names.
func (g *digitGateway) user(r *http.Request, headers []string) (*digitUser, error) {
	if !hasJSONBody(r) {
		if len(headers) > 0 && hasFormBody(r) {
			return nil, errors.New("the header x-user-info stands beside a form, where the gateway writes none")
		}
		if len(headers) == 0 {
			return nil, errNoRequestInfo("there is neither a JSON body nor the header x-user-info")
		}
		user, err := parseDigitUser([]byte(headers[0]))
		if err != nil {
			return nil, fmt.Errorf("the header x-user-info: %w", err)
		}
		return user, nil
	}
	info, err := requestInfo(r, g.opts.MaxBody)
	var none errNoRequestInfo
	if errors.As(err, &none) && len(headers) > 0 {
		// Of a JSON body the newer gateway leaves this header as the client sent it.
		return nil, errors.New("the header x-user-info stands beside a JSON body without a user")
	}
	if err != nil {
		return nil, err
	}
	switch user := info["userInfo"].(type) {
	case nil:
		if len(headers) > 0 {
			return nil, errors.New("the header x-user-info stands beside a JSON body without a user")
		}
		return nil, errNoRequestInfo("RequestInfo has no userInfo")
	case map[string]any:
		u, err := newDigitUser(user)
		if err != nil {
			return nil, fmt.Errorf("RequestInfo.userInfo: %w", err)
		}
		return u, nil
	}
	return nil, errors.New("RequestInfo.userInfo is no object")
}

// DigitHeadersOptions are what [DigitHeaders] may be told.
type DigitHeadersOptions struct {
	// Bearer, if not nil, also checks the request: it has to accept it, and the tenant that it finds has to
	// be that of X-Tenant-ID, or above it if Below is set. User, roles, groups and attributes are then
	// those that it finds. Most often it is a *jwtauth.Authenticator.
	Bearer Authenticator
	// Below says that X-Tenant-ID may be a tenant below that of Bearer.
	Below bool
	// Roles are those of everybody, if Bearer is nil: DIGIT 3's gateway has already decided who may call
	// what, and names no roles.
	Roles []string
}

// DigitHeaders returns an Authenticator that believes DIGIT 3's gateway, which
// names the tenant in X-Tenant-ID and the user in X-Client-Id. It believes them only if
// the request comes from one of the proxies, of which there has to be one; from elsewhere these
// headers are refused. A nil opts means the defaults: principals without roles.
func DigitHeaders(proxies []netip.Prefix, opts *DigitHeadersOptions) (Authenticator, error) {
	if err := checkProxies(proxies); err != nil {
		return nil, err
	}
	h := &digitHeaders{proxies: slices.Clone(proxies)}
	if opts != nil {
		h.opts = *opts
		h.opts.Roles = slices.Clone(opts.Roles)
	}
	return h, nil
}

type digitHeaders struct {
	proxies []netip.Prefix
	opts    DigitHeadersOptions
}

func (h *digitHeaders) Authenticate(r *http.Request) (*access.Principal, error) {
	const scheme = "digit 3 gateway"
	refuse := func(kind error, reason string, cause error) (*access.Principal, error) {
		return nil, gatewayError(scheme, kind, reason, cause)
	}
	tenants, clients := r.Header.Values("X-Tenant-ID"), r.Header.Values("X-Client-Id")
	switch {
	case len(tenants) == 0 && len(clients) == 0:
		return refuse(ErrNoCredentials, "", nil)
	case !fromProxy(r, h.proxies):
		return refuse(ErrUnauthenticated, "the headers X-Tenant-ID and X-Client-Id come from "+peerText(r)+", which is no proxy of the list", nil)
	case len(tenants) != 1 || len(clients) != 1:
		return refuse(ErrUnauthenticated, fmt.Sprintf("X-Tenant-ID stands there %d times and X-Client-Id %d times, instead of once each", len(tenants), len(clients)), nil)
	}
	who := &access.Principal{User: clients[0], Tenant: tenants[0], Roles: slices.Clone(h.opts.Roles)}
	if h.opts.Bearer != nil {
		found, err := h.opts.Bearer.Authenticate(r)
		switch {
		case errors.Is(err, ErrNoCredentials):
			return refuse(ErrUnauthenticated, "there is no bearer token beside the gateway's headers", nil)
		case err != nil:
			return nil, err
		case !TenantAllowed(found.Tenant, tenants[0], h.opts.Below):
			return refuse(ErrUnauthenticated, fmt.Sprintf("X-Tenant-ID is %q, and the token's tenant %q", shorten(tenants[0]), found.Tenant), access.ErrDenied)
		}
		who = found
		who.Tenant = tenants[0]
	}
	if err := CheckPrincipal(who); err != nil {
		return refuse(ErrUnauthenticated, err.Error(), nil)
	}
	return who, nil
}

func gatewayError(scheme string, kind error, reason string, cause error) error {
	return &Error{Scheme: scheme, Kind: kind, Reason: reason, Challenge: `DIGIT-Gateway realm="dhr"`, Cause: cause}
}

// peerText is the address of the peer, for a reason.
func peerText(r *http.Request) string {
	if a := peerAddress(r); a.IsValid() {
		return a.String()
	}
	return "an unknown address"
}

// shorten keeps a reason short.
func shorten(text string) string {
	if len(text) > 64 {
		return text[:64] + "…"
	}
	return text
}
