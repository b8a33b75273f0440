package access

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/digit-health/dhr/jql"
)

// Bounds on a policy, far above what anyone writes.
const (
	maxGrants  = 10_000
	maxName    = 1024
	maxMembers = 10_000
)

// minKey is how many bytes make a key for pseudonyms that cannot be guessed.
const minKey = 16

// Options are what a policy needs besides its roles. The zero value allows no
// pseudonyms and knows no tenants.
type Options struct {
	// Key is the secret that pseudonyms are made with, at least 16 bytes. Who has it can
	// find out by trying which value a pseudonym stands for.
	Key []byte
	// Tenants, if not nil, keeps every principal to the records of its tenant.
	Tenants *TenantRule
	// Zone is where the days, months and years begin that dates are cut to. If nil, UTC. It does not
	// count for fields whose values are days.
	Zone *time.Location
	// MaxViews is how many views are kept for the next one who asks. If zero, 256.
	MaxViews int
}

// A TenantRule is a condition that every record meets, whatever the role.
// A principal without a tenant sees no records then.
type TenantRule struct {
	// Fields are the paths or aliases of keyword fields that hold the tenant. The first one that an index
	// has counts. An index that has none is denied.
	Fields []string `json:"fields"`
	// Below says that a tenant also sees those below it, as in DIGIT: pb sees pb.amritsar.
	Below bool `json:"below,omitempty"`
	// Except are the names of indexes for which the rule does not hold, as in Grant.Indexes.
	Except []string `json:"except,omitempty"`
}

// A Policy says what the holders of roles may see. It never changes and is safe
// for concurrent use. What no role grants is denied.
type Policy struct {
	roles   map[string][]*grant
	may     map[string][]Permission
	key     []byte
	zone    *time.Location
	tenants *TenantRule
	except  []pattern
	views   views
}

// A grant is a Grant made ready.
type grant struct {
	id       string // unique in the policy
	role     string
	nth      int
	indexes  []pattern
	rows     *jql.Query // nil means all
	rowsText string     // canonical; empty means all
	names    map[string]Treatment
	patterns []patternRule
	personal *Treatment
	others   Treatment
	all      bool   // it hides and masks nothing
	rules    string // what it says of fields: equal for equal rules
}

type patternRule struct {
	parts []string
	show  Treatment
}

// NewPolicy makes a policy of roles, which it copies. A nil opts means the
// defaults. Everything that is wrong is an *[Error]; there may be several,
// joined.
func NewPolicy(roles map[string]Role, opts *Options) (*Policy, error) {
	if opts == nil {
		opts = &Options{}
	}
	p := &Policy{roles: map[string][]*grant{}, may: map[string][]Permission{}, key: bytes.Clone(opts.Key), zone: opts.Zone}
	p.views.limit = opts.MaxViews
	if p.zone == nil {
		p.zone = time.UTC
	}
	b := builder{key: len(opts.Key) > 0}
	b.at = Error{Grant: -1}
	if b.key && len(opts.Key) < minKey {
		b.fail("", fmt.Errorf("a key of %d bytes, less than %d", len(opts.Key), minKey))
	}
	if opts.MaxViews < 0 {
		b.fail("", errors.New("MaxViews is negative"))
	}
	if opts.Tenants != nil {
		p.tenants, p.except = b.tenants(opts.Tenants)
	}
	for _, name := range slices.Sorted(maps.Keys(roles)) {
		p.roles[name] = b.role(name, roles[name])
		p.may[name] = b.permissions(roles[name].Permissions)
	}
	if b.grants > maxGrants {
		b.at = Error{Grant: -1}
		b.fail("", fmt.Errorf("more than %d grants", maxGrants))
	}
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	return p, nil
}

// A builder makes grants ready and notes what is wrong with them.
type builder struct {
	key    bool
	at     Error
	grants int
	errs   []error
}

func (b *builder) fail(part string, err error) {
	e := b.at
	e.Part, e.Err = part, err
	b.errs = append(b.errs, &e)
}

func (b *builder) tenants(t *TenantRule) (*TenantRule, []pattern) {
	if len(t.Fields) == 0 {
		b.fail("tenants.fields", errors.New("there is no field that holds the tenant"))
	}
	for i, name := range t.Fields {
		if err := checkName(name); err != nil {
			b.fail(fmt.Sprintf("tenants.fields[%d]", i), err)
		}
	}
	return &TenantRule{Fields: slices.Clone(t.Fields), Below: t.Below}, b.indexes("tenants.except", t.Except)
}

func (b *builder) role(name string, r Role) (grants []*grant) {
	b.at = Error{Role: name, Grant: -1}
	if strings.TrimSpace(name) == "" {
		b.fail("", errors.New("a role without a name"))
	}
	for i := range r.Grants {
		b.at.Grant = i
		grants = append(grants, b.grant(&r.Grants[i]))
	}
	return grants
}

func (b *builder) grant(in *Grant) *grant {
	g := &grant{id: fmt.Sprint(b.grants), role: b.at.Role, nth: b.at.Grant, names: map[string]Treatment{}, others: b.treatment("others", in.Others)}
	b.grants++
	if len(in.Indexes) == 0 {
		b.fail("indexes", errors.New("there is no index"))
	}
	g.indexes = b.indexes("indexes", in.Indexes)
	b.rows(g, in.Rows)
	g.all = g.others.As == Visible
	shows := g.others.As != Hidden
	if in.Personal != nil {
		t := b.treatment("personal", *in.Personal)
		g.personal, g.all = &t, g.all && t.As == Visible
	}
	for i := range in.Fields {
		t := b.rule(g, fmt.Sprintf("fields[%d]", i), &in.Fields[i])
		g.all, shows = g.all && t.As == Visible, shows || t.As != Hidden
	}
	if !shows {
		b.fail("others", errors.New("all fields are hidden, so that there is nothing to see; no field is shown unless a rule or others says so"))
	}
	rules, err := json.Marshal([]any{in.Fields, g.personal, g.others})
	if err != nil {
		b.fail("fields", err)
	}
	g.rules = string(rules)
	return g
}

func (b *builder) indexes(part string, names []string) (all []pattern) {
	if len(names) > maxMembers {
		b.fail(part, fmt.Errorf("more than %d names", maxMembers))
		return nil
	}
	for i, name := range names {
		p, err := parsePattern(name)
		if err != nil {
			b.fail(fmt.Sprintf("%s[%d]", part, i), err)
			continue
		}
		all = append(all, p)
	}
	return all
}

// rows parses the row rule of g.
func (b *builder) rows(g *grant, text string) {
	if text == "" {
		return
	}
	q, err := jql.Parse(text, nil)
	switch {
	case err != nil:
	case q.Order != nil:
		err = fmt.Errorf("%q: a condition has no ORDER BY", text)
	case q.Where == nil:
		err = fmt.Errorf("%q says nothing; leave it empty if all records are meant", text)
	default:
		err = checkCalls(q.Where)
	}
	if err != nil {
		b.fail("rows", err)
		return
	}
	g.rows, g.rowsText = q, q.String()
}

func (b *builder) rule(g *grant, part string, r *FieldRule) Treatment {
	t := b.treatment(part+".show", r.Show)
	if len(r.Fields) == 0 {
		b.fail(part+".fields", errors.New("there is no field"))
	}
	if len(r.Fields) > maxMembers {
		b.fail(part+".fields", fmt.Errorf("more than %d names", maxMembers))
		return t
	}
	for i, name := range r.Fields {
		if err := checkName(name); err != nil {
			b.fail(fmt.Sprintf("%s.fields[%d]", part, i), err)
			continue
		}
		if strings.Contains(name, "*") {
			g.patterns = append(g.patterns, patternRule{strings.Split(name, "*"), t})
			continue
		}
		if before, ok := g.names[name]; ok {
			t := meet(before, t)
			g.names[name] = t
			continue
		}
		g.names[name] = t
	}
	return t
}

// treatment checks t and fills in its defaults.
func (b *builder) treatment(part string, t Treatment) Treatment {
	if t.As == "" {
		t.As = Hidden
	}
	if err := t.check(); err != nil {
		b.fail(part, err)
	}
	if t.As == Pseudonym && !b.key {
		b.fail(part, errors.New("pseudonyms need a key, which the options do not give"))
	}
	if t.As == Constant && t.Text == "" {
		t.Text = "***"
	}
	return t
}

// checkName checks the name, or the pattern of names, of a field.
func checkName(name string) error {
	switch {
	case name == "" || strings.TrimSpace(name) != name:
		return fmt.Errorf("%q is no name of a field", name)
	case len(name) > maxName:
		return fmt.Errorf("a name of more than %d bytes", maxName)
	case !utf8.ValidString(name):
		return fmt.Errorf("%q is not UTF-8", name)
	}
	return nil
}

// ParseRoles reads roles from JSON: an object with a [Role] under each name.
// Members that are not known, or stand twice, are errors, so that no
// rule is lost to a wrong letter.
func ParseRoles(text []byte) (map[string]Role, error) {
	if err := onceEach(text); err != nil {
		return nil, &Error{Grant: -1, Err: err}
	}
	var roles map[string]Role
	if err := strictly(text, &roles); err != nil {
		return nil, &Error{Grant: -1, Err: err}
	}
	return roles, nil
}

// strictly decodes one JSON value without unknown members.
func strictly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind the JSON value")
	}
	return nil
}

// onceEach returns an error if the text has an object in which a member stands
// twice, in whatever case; or is nested too deep.
func onceEach(text []byte) error {
	const deepest = 32
	d := json.NewDecoder(bytes.NewReader(text))
	var open []map[string]bool // nil for a list
	key := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		inObject := len(open) > 0 && open[len(open)-1] != nil
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{':
				open = append(open, map[string]bool{})
			case '[':
				open = append(open, nil)
			default:
				open = open[:len(open)-1]
			}
			if len(open) > deepest {
				return errors.New("the JSON is nested too deep")
			}
			key = len(open) > 0 && open[len(open)-1] != nil
			continue
		case string:
			if inObject && key {
				seen, name := open[len(open)-1], t
				if len(open) > 1 { // of a struct, whose members are found in any case
					name = strings.ToLower(t)
				}
				if seen[name] {
					return fmt.Errorf("the member %q stands twice in one object", t)
				}
				seen[name], key = true, false
				continue
			}
		}
		key = inObject
	}
}

// UnmarshalJSON reads a treatment, or the way alone as a string.
func (t *Treatment) UnmarshalJSON(text []byte) error {
	*t = Treatment{}
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &t.As)
	}
	type plain Treatment
	return strictly(text, (*plain)(t))
}
