package bulk

// A Group is some patients that can be exported together. Its members are given by JQL or as a list.
type Group struct {
	// ID is that of the FHIR Group: 1 to 64 letters, digits, - and .
	ID string
	// Name and Description are for people.
	Name, Description string
	// JQL chooses records of the index of the Patient mapping: their patients are the members. It is answered
	// under the sight of who asks.
	JQL string
	// Members are ids of patients. They go without JQL.
	Members []string
	// Tenants, Roles and Groups say to whom the group is known: to principals of one of the tenants, with one of the
	// roles, in one of the groups. An empty list restricts nothing.
	Tenants, Roles, Groups []string
}

// A GroupInfo is a group as a principal sees it.
type GroupInfo struct {
	ID, Name, Description string
	// Quantity is how many members who asks may see; -1 in a listing, which does not count.
	Quantity int64
}
