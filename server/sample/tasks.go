package sample

import (
	"strconv"
	"time"
)

// The tasks of a campaign as health campaign management indexes them: everything inside of
// Data, ages in months, instants in milliseconds, and with what its documents are known for: task dates
// that are a list in older ones, a cycle "1" among many "01", and a time stamp that ends in Z and is local.

const tenant = "zm"

func (r *round) campaign() string { return "CMP-" + strconv.Itoa(r.year) + "-06-03-000315" }

// otherEnds are how a visit of the team ends when no medicine is given.
var otherEnds = []string{"BENEFICIARY_REFUSED", "BENEFICIARY_REFUSED", "BENEFICIARY_ABSENT", "BENEFICIARY_ABSENT", "BENEFICIARY_ABSENT",
	"ADMINISTRATION_FAILED", "INELIGIBLE", "BENEFICIARY_REFERRED", "CLOSED_HOUSEHOLD"}

func (w *world) taskDocuments(yield func(string, []byte) bool) {
	var d document
	l := newLot("task documents")
	for _, r := range w.rounds {
		for i, c := range r.children {
			t := task{l: l, round: r, child: c, status: "ADMINISTRATION_SUCCESS"}
			if i >= r.treated {
				t.status = pick(l, otherEnds)
			}
			t.at = r.start().AddDate(0, 0, i%5).Add(time.Duration(7*3600+l.below(10*3600)) * time.Second)
			t.synced = t.at.Add(time.Duration(l.between(60, 5*3600)) * time.Second)
			id := uuid(l)
			d.begin()
			d.open("Data", '{')
			d.task(id, &t)
			d.close('}')
			if !yield(id, d.bytes()) {
				return
			}
		}
	}
}

type task struct {
	l      *lot
	round  *round
	child  *child
	status string
	at     time.Time
	synced time.Time
}

func (d *document) task(id string, t *task) {
	l, r, c := t.l, t.round, t.child
	treated := t.status == "ADMINISTRATION_SUCCESS"
	months := monthsBetween(c.birth, t.at)
	user := "distributor-" + c.house.id + "-" + padded(c.distributor, 2)
	d.text("id", id)
	d.text("taskId", "T-"+id[:8])
	d.text("taskClientReferenceId", uuid(l))
	d.text("clientReferenceId", uuid(l))
	d.text("taskType", "DELIVERY")
	d.text("status", t.status)
	d.text("administrationStatus", t.status)
	d.text("tenantId", tenant)
	d.text("projectId", uuidOf(uint64(r.year), uint64(r.district.people)))
	d.text("projectType", "MR-DN")
	d.text("projectTypeId", uuidOf(77, 1))
	d.text("projectName", "SMC "+strconv.Itoa(r.year)+" "+r.district.name)
	d.text("campaignNumber", r.campaign())
	d.text("campaignId", uuidOf(uint64(r.year), 2))
	d.text("hierarchyType", "HEALTH")
	d.text("localityCode", "ZM_"+r.district.code+"_"+c.house.id)
	d.text("userName", user)
	d.text("nameOfUser", "Distributor "+padded(c.distributor, 2))
	d.text("role", "DISTRIBUTOR")
	d.text("userAddress", c.ward)
	if treated {
		d.text("productVariant", "PVAR-2025-05-01-00000"+strconv.Itoa(productFor(months)))
		d.text("productName", "SPAQ "+strconv.Itoa(productFor(months)))
		d.whole("quantity", 1)
	}
	d.text("deliveredTo", "INDIVIDUAL")
	d.truth("isDelivered", treated)
	if !treated && l.percent(40) {
		d.text("deliveryComments", pick(l, r.district.tongue.notes))
	}
	d.text("projectBeneficiaryClientReferenceId", uuidOf(uint64(c.number), 3))
	d.text("householdId", uuidOf(uint64(c.household), uint64(c.house.lat)))
	d.text("individualId", uuidOf(uint64(c.number), 4))
	d.whole("memberCount", int64(3+c.household%7))
	d.whole("age", int64(months))
	d.whole("dateOfBirth", c.birth.UnixMilli())
	d.taskTimes(t, user)
	d.taskPlace(t)
	d.taskDetails(t, months)
}

func productFor(months int) int {
	if months < 12 {
		return 1
	}
	return 2
}

func (d *document) taskTimes(t *task, user string) {
	d.text("createdBy", user)
	d.text("lastModifiedBy", user)
	d.whole("createdTime", t.at.UnixMilli())
	d.whole("lastModifiedTime", t.at.Add(90*time.Second).UnixMilli())
	d.whole("syncedTime", t.synced.UnixMilli())
	if t.round.year == 2025 && t.round.cycle <= 2 {
		d.open("taskDates", '[')
		d.comma()
		d.quote(t.at.Format(time.DateOnly))
		d.close(']')
	} else {
		d.day("taskDates", t.at)
	}
	d.day("syncedDate", t.synced)
	d.time("syncedTimeStamp", t.synced, "2006-01-02T15:04:05.000Z")
	d.time("@timestamp", t.synced.UTC(), "2006-01-02T15:04:05.000Z")
}

func (d *document) taskPlace(t *task) {
	c, r := t.child, t.round
	d.fixed("latitude", c.lat, 6)
	d.fixed("longitude", c.lon, 6)
	d.fixed("locationAccuracy", t.l.between(3_0, 60_0), 1)
	d.open("geoPoint", '[')
	d.comma()
	d.b = appendFixed(d.b, c.lon, 6)
	d.comma()
	d.b = appendFixed(d.b, c.lat, 6)
	d.close(']')
	d.open("boundaryHierarchy", '{')
	d.text("country", r.district.country.name)
	d.text("state", r.district.country.state)
	d.text("lga", r.district.name)
	d.text("ward", c.ward)
	d.text("healthFacility", c.house.name)
	d.close('}')
	d.open("boundaryHierarchyCode", '{')
	d.text("country", "ZM")
	d.text("state", "ZM_LP")
	d.text("lga", "ZM_"+r.district.code)
	d.text("healthFacility", c.house.id)
	d.close('}')
}

func (d *document) taskDetails(t *task, months int) {
	c := t.child
	gender := "MALE"
	if c.female {
		gender = "FEMALE"
	}
	cycle := padded(t.round.cycle, 2)
	if t.l.below(60) == 0 {
		cycle = strconv.Itoa(t.round.cycle)
	}
	d.open("additionalDetails", '{')
	d.text("gender", gender)
	d.text("cycleIndex", cycle)
	d.whole("doseIndex", 1)
	d.text("ageInMonths", strconv.Itoa(months))
	d.text("beneficiaryId", padded(c.number, 10))
	d.text("childName", c.given+" "+c.family)
	d.text("headName", c.head+" "+c.family)
	d.text("flow", "SMC")
	if t.l.percent(20) {
		d.text("zeroDose", strconv.FormatBool(t.l.percent(12)))
	}
	d.close('}')
}

func monthsBetween(birth, at time.Time) int {
	n := (at.Year()-birth.Year())*12 + int(at.Month()) - int(birth.Month())
	if at.Day() < birth.Day() {
		n--
	}
	return n
}

// uuid returns a random UUID, and uuidOf always the same for the same two numbers.
func uuid(l *lot) string { return formatUUID(l.next(), l.next()) }

func uuidOf(a, b uint64) string {
	l := lot{a*0x9e3779b97f4a7c15 ^ b}
	return formatUUID(l.next(), l.next())
}

func formatUUID(a, b uint64) string {
	const hex = "0123456789abcdef"
	a = a&^0xf000 | 0x4000
	b = b&^(0xc<<60) | 0x8<<60
	out := make([]byte, 0, 36)
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			out = append(out, '-')
		}
		n := a
		if i >= 16 {
			n = b
		}
		out = append(out, hex[n>>(60-4*(i%16))&15])
	}
	return string(out)
}
