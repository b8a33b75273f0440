// Package campaign makes documents as health campaign management indexes them: households, their members, individuals,
// stock, and tasks of three campaigns, all of one invented country and always the same.
//
// Ids hold: each member is an individual of its household, and each task is of one of them. The shapes are
// those of DIGIT's transformer: everything inside of Data but for individuals, instants in milliseconds, ages in
// months, additional fields as keys and values. Some records are marked as deleted.
//
//	for id, doc := range campaign.Documents(campaign.Households, 1000) {
package campaign

import (
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/digit-health/dhr/record"
)

// The names of the indexes.
const (
	Households  = "household-index-v1"
	Members     = "household-member-index-v1"
	Individuals = "individual-index-v1"
	Stock       = "stock-index-v1"
	Tasks       = "project-task-index-v1"
)

//go:embed mappings
var mappings embed.FS

// Indexes returns the names of the indexes.
func Indexes() []string { return []string{Households, Members, Individuals, Stock, Tasks} }

// Mapping returns the mapping file of one of the indexes, which the caller may change.
func Mapping(index string) ([]byte, error) { return mappings.ReadFile("mappings/" + index + ".json") }

// Schema returns the mapping file of one of the indexes as a schema.
func Schema(index string) (*record.Schema, error) {
	text, err := Mapping(index)
	if err != nil {
		return nil, err
	}
	return record.ParseSchema(index, text)
}

// Documents returns what an index has of n households, each document with its id; of stock it is n records. The bytes belong to the caller. Of
// an index that is none of ours there are no documents.
func Documents(index string, n int) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for i := range n {
			for _, d := range documents(index, i) {
				text, err := json.Marshal(d.body)
				if err != nil {
					panic(err) // what is below is made of texts and numbers
				}
				if !yield(d.id, text) {
					return
				}
			}
		}
	}
}

// object is an object of JSON; its keys are written in their order.
type object = map[string]any

type document struct {
	id   string
	body object
}

func data(id string, body object) document { return document{id, object{"Data": body}} }

func documents(index string, i int) []document {
	h := householdOf(i)
	var all []document
	switch index {
	case Households:
		return []document{h.document()}
	case Members:
		for _, p := range h.people {
			all = append(all, p.membership())
		}
	case Individuals:
		for _, p := range h.people {
			all = append(all, p.document())
		}
	case Tasks:
		return h.tasks()
	case Stock:
		return []document{stockOf(i)}
	}
	return all
}

// uuidOf returns the UUID that a name stands for.
func uuidOf(name string, number int) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s/%d", name, number))
	h[6], h[8] = h[6]&15|64, h[8]&63|128
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// drawOf returns the source of chance of one thing.
func drawOf(name string, number int) *rand.Rand {
	h := sha256.Sum256(fmt.Appendf(nil, "%s %d", name, number))
	return rand.New(rand.NewChaCha8(h)) //nolint:gosec // it has to be the same every time
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// zone is that of the country.
var zone = time.FixedZone("WAT", 3600)

// began is the morning on which the campaigns began.
var began = time.Date(2026, 7, 6, 7, 0, 0, 0, zone)

// times are the instants of a record: made on the device, and later on the server.
type times struct{ made, stored time.Time }

func timesOf(r *rand.Rand) times {
	made := began.Add(time.Duration(r.IntN(20*24*3600)) * time.Second)
	return times{made, made.Add(time.Duration(60+r.IntN(3*24*3600)) * time.Second)}
}

func audit(user string, made, changed time.Time) object {
	return object{"createdBy": user, "lastModifiedBy": user, "createdTime": made.UnixMilli(), "lastModifiedTime": changed.UnixMilli()}
}

// synced is what the indexes say of when a record came and who sent it.
func (t times) synced(body object, user string) {
	body["userName"], body["nameOfUser"], body["role"] = user, "Registrar "+user[len(user)-2:], "REGISTRAR"
	body["taskDates"], body["syncedDate"] = t.made.Format(time.DateOnly), t.stored.Format(time.DateOnly)
	body["syncedTimeStamp"] = t.stored.Format("2006-01-02T15:04:05.000Z") // local time, whatever it says
	body["@timestamp"] = t.stored.UTC().Format("2006-01-02T15:04:05.000Z")
}

// A place is a ward.
type place struct{ district, ward, code string }

var places = []place{
	{"Bandaro", "Bandaro Tudun Fili", "ZM_09_01"}, {"Bandaro", "Bandaro Sabon Layi", "ZM_09_02"}, {"Kelengu", "Kelengu Kasuwa", "ZM_13_01"},
	{"Mabiri", "Mabiri Angwar Dutse", "ZM_14_01"}, {"Mabiri", "Mabiri Kasuwa", "ZM_14_02"}, {"Wuralo", "Wuralo Dutsen Kura", "ZM_16_01"},
}

func (p place) boundaries(body object) {
	body["boundaryHierarchy"] = object{"country": "Zambara", "state": "Lake Province", "lga": p.district, "ward": p.ward}
	body["boundaryHierarchyCode"] = object{"country": "ZM", "state": "ZM_LP", "lga": p.code[:5], "ward": p.code}
}

const (
	tenant   = "zm"
	campaign = "CMP-2026-06-03-000315"
)

func project(body object) {
	body["projectId"], body["campaignNumber"], body["campaignId"] = uuidOf("project", 0), campaign, uuidOf("campaign", 0)
	body["projectType"], body["projectTypeId"], body["projectName"], body["hierarchyType"] = "MR-DN", uuidOf("type", 0), "SMC 2026", "HEALTH"
}
