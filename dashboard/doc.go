// Package dashboard keeps what people save and share: [Filters], which are
// questions with a name, and [Dashboards] of gadgets that show what filters find.
//
//	filters, err := dashboard.NewFilters(store, policy, check, nil)
//	...
//	f, err := filters.Create(ctx, who, &dashboard.Filter{
//		Name: "Fever this week", JQL: `diagnosis ~ fever AND visited >= -1w`,
//		SharePermissions: []dashboard.SharePermission{{Type: "group", ID: "district-12", Permission: dashboard.Read}},
//	})
//
// # Sharing
//
// A saved thing has one owner, and is shared with users, with groups and with the public, which
// is everybody of the tenant, each with a [Level]: Read is to see and run it, Write to
// change it, Admin to share and delete it. Who has several has the highest.
// The owner may do everything. So may who has [access.MayAdmin], with all things of the tenant.
//
// Whoever calls needs [access.MayView]. Who gives a thing to somebody, by a share that he or she
// did not have or by a change of owner, needs [access.MayShare] besides, also the owner; but an
// administrator needs no other permission to change the owner. Taking away needs no permission beyond Admin.
//
// What a principal may not read is [ErrNotFound], as is what is not there, so that nobody learns
// that it is; and so are all things of another tenant, whatever the principal's role. What a
// principal may read and not change is [ErrForbidden].
//
// A share gives the question, and never data: a filter is run with the rights of who runs
// it, and answers from what he or she may see. Its text is seen by everybody who may read it.
//
// # Queries
//
// A query is checked by whoever saves it, with that principal's sight, when it is made, copied or
// changed; and by whoever runs it, when it is run. It is not checked with the sight of an absent owner, whose
// roles nobody knows at that time, and since the complaints would tell the one what the other sees. Who
// renames a filter has its query not checked.
//
// # Versions and names
//
// Every change names the version that it replaces, or 0 for whichever there is. Of
// two writers with one version one gets [ErrConflict]. A change is whole or not at all,
// and a crash between any two steps leaves nothing that needs repair.
//
// The names of one owner's filters differ, in more than case: otherwise the error is [ErrTaken]. Of
// several calls that give the same name at the same moment one succeeds. Only where a process
// dies in that moment, or a third one changes the filter, may two of a name remain; their ids tell
// them apart, and either can be renamed.
//
// # Favourites
//
// Every user has favourites, which nobody else sees. One that is deleted, or that the user may no longer
// read, is in no listing and no total; it is back when it can be read again.
//
// # Dashboards
//
// A dashboard is kept as a whole, with its gadgets, so that no two of these ever overlap. Each gadget has a version of its own
// besides, and a change of one is not in the way of a change of another. What a gadget asks is checked by whoever saves it, with that principal's
// sight, and is asked by whoever looks, with that one's: package figures does it. A share of a dashboard gives the layout and not the filters of
// its gadgets; [Dashboards.Cascade] gives these too.
package dashboard
