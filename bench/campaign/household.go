package campaign

import (
	"fmt"
	"math/rand/v2"
	"time"
)

type household struct {
	number  int
	id      string // the client's reference, by which others refer to it
	place   place
	user    string
	at      times
	deleted bool
	people  []*person
	draw    *rand.Rand
}

type person struct {
	house         *household
	number        int
	id            string
	given, family string
	female, head  bool
	born          time.Time
}

var (
	women    = []string{"Amina", "Esther", "Fatima", "Grace", "Hauwa", "Lucy", "Mariam", "Ruth", "Zainab"}
	men      = []string{"Bello", "Daniel", "Emeka", "Ibrahim", "Joseph", "Musa", "Samuel", "Yusuf"}
	families = []string{"Adeyemi", "Bello", "Moyo", "O'Hara", "Sarki", "Yakubu", "Ndiaye"}
)

func householdOf(number int) *household {
	r := drawOf("household", number)
	h := &household{number: number, id: uuidOf("household", number), place: pick(r, places), at: timesOf(r), draw: r, deleted: r.IntN(50) == 0}
	h.user = fmt.Sprintf("registrar-%s-%02d", h.place.code, 1+r.IntN(4))
	family := pick(r, families)
	for i := range 1 + r.IntN(6) {
		p := &person{house: h, number: number*10 + i, family: family, head: i == 0, female: r.IntN(2) == 0}
		p.id = uuidOf("individual", p.number)
		p.given = pick(r, men)
		if p.female {
			p.given = pick(r, women)
		}
		months := 3 + r.IntN(57)
		if i < 2 {
			months = 12 * (18 + r.IntN(60))
		}
		p.born = time.Date(2026, time.Month(7-months), 1+r.IntN(28), 0, 0, 0, 0, time.UTC)
		h.people = append(h.people, p)
	}
	return h
}

// months is the age when the household was visited.
func (p *person) months() int {
	at := p.house.at.made
	return 12*(at.Year()-p.born.Year()) + int(at.Month()) - int(p.born.Month())
}

func (p *person) gender() string {
	if p.female {
		return "FEMALE"
	}
	return "MALE"
}

func (h *household) document() document {
	r := h.draw
	children := 0
	for _, p := range h.people {
		if p.months() < 60 {
			children++
		}
	}
	lat, lon := float64(11_700_000+r.IntN(300_000))/1e6, float64(14_100_000+r.IntN(300_000))/1e6
	address := object{"latitude": lat, "longitude": lon, "locationAccuracy": float64(30+r.IntN(500)) / 10, "locality": object{"code": h.place.code, "name": h.place.ward}}
	if r.IntN(3) > 0 {
		address["addressLine1"], address["city"] = fmt.Sprintf("House %d", 1+r.IntN(400)), h.place.district
	}
	if r.IntN(5) == 0 {
		delete(address, "latitude")
		delete(address, "longitude")
	}
	body := object{
		"household": object{
			"id": fmt.Sprintf("H-2026-07-%06d", h.number), "clientReferenceId": h.id, "tenantId": tenant, "memberCount": len(h.people),
			"householdType": pick(r, []string{"FAMILY", "FAMILY", "FAMILY", "COMMUNITY"}), "isDeleted": h.deleted, "rowVersion": 1, "address": address,
			"additionalFields": object{"schema": "Household", "version": 1, "fields": []object{
				{"key": "pregnantWomen", "value": fmt.Sprint(r.IntN(2))}, {"key": "children", "value": fmt.Sprint(children)},
			}},
			"auditDetails": audit(h.user, h.at.stored, h.at.stored), "clientAuditDetails": audit(h.user, h.at.made, h.at.made),
		},
		"geoPoint": []float64{lon, lat}, "additionalDetails": object{"children": children},
	}
	project(body)
	h.at.synced(body, h.user)
	h.place.boundaries(body)
	return data(h.id, body)
}

func (p *person) membership() document {
	h := p.house
	id := uuidOf("member", p.number)
	body := object{
		"householdMember": object{
			"id": "HM-" + id[:8], "clientReferenceId": id, "tenantId": tenant, "householdClientReferenceId": h.id, "individualClientReferenceId": p.id,
			"isHeadOfHousehold": p.head, "isDeleted": h.deleted, "rowVersion": 1,
			"auditDetails": audit(h.user, h.at.stored, h.at.stored), "clientAuditDetails": audit(h.user, h.at.made, h.at.made),
		},
		"gender": p.gender(), "age": p.months(), "dateOfBirth": p.born.UnixMilli(), "localityCode": h.place.code,
	}
	project(body)
	h.at.synced(body, h.user)
	h.place.boundaries(body)
	return data(id, body)
}

// document is that of the individual, which is not wrapped.
func (p *person) document() document {
	h := p.house
	body := object{
		"id": "IND-" + p.id[:8], "individualId": fmt.Sprintf("IND-2026-07-06-%06d", p.number), "clientReferenceId": p.id, "tenantId": tenant,
		"name":   object{"givenName": p.given, "familyName": p.family},
		"gender": p.gender(), "dateOfBirth": p.born.Format("02/01/2006"), "isDeleted": h.deleted, "rowVersion": 1,
		"identifiers": []object{{"identifierType": "UNIQUE_BENEFICIARY_ID", "identifierId": "1|" + uuidOf("secret", p.number)}},
		"address": []object{{
			"type": "PERMANENT", "addressLine1": fmt.Sprintf("House %d", 1+h.number%400), "city": h.place.district,
			"locality": object{"code": h.place.code, "name": h.place.ward},
		}},
		"auditDetails": audit(h.user, h.at.stored, h.at.stored), "clientAuditDetails": audit(h.user, h.at.made, h.at.made),
	}
	if h.number%7 == 0 {
		delete(body["name"].(object), "familyName") //nolint:forcetypeassert // made above
	}
	if p.months() > 12*17 && h.number%3 == 0 {
		body["mobileNumber"] = fmt.Sprintf("0700000%04d", p.number%10000)
	}
	return document{p.id, body}
}
