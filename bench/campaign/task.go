package campaign

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A round is one of the campaigns of the tasks.
type round struct {
	projectType, name, number, product, productName, to string
}

var rounds = []round{
	{"MR-DN", "SMC 2026", campaign, "PVAR-2025-05-01-000002", "SPAQ 2", "INDIVIDUAL"},
	{"POLIO", "Polio 2026", "CMP-2026-07-01-000402", "PVAR-2026-05-01-000011", "nOPV2 vaccine", "INDIVIDUAL"},
	{"LLIN", "Bed nets 2026", "CMP-2026-07-01-000403", "PVAR-2026-05-01-000021", "PBO bed net", "HOUSEHOLD"},
}

var failures = []string{"BENEFICIARY_REFUSED", "BENEFICIARY_ABSENT", "ADMINISTRATION_FAILED", "INELIGIBLE", "BENEFICIARY_REFERRED", "NOT_ADMINISTERED"}

// tasks are those of a household: medicine and vaccine for each child, and bed nets.
func (h *household) tasks() []document {
	r := drawOf("tasks", h.number)
	var all []document
	for kind, round := range rounds {
		if round.to == "HOUSEHOLD" {
			all = append(all, h.task(r, kind, h.number*10+9, h.people[0]))
			continue
		}
		for _, p := range h.people {
			if m := p.months(); m >= 3 && m < 60 {
				all = append(all, h.task(r, kind, p.number, p))
			}
		}
	}
	return all
}

func (h *household) task(r *rand.Rand, kind, number int, p *person) document {
	c := rounds[kind]
	id := uuidOf(c.projectType, number)
	at := h.at.made.Add(time.Duration(1+r.IntN(40)) * time.Minute)
	stored := h.at.stored.Add(time.Duration(1+r.IntN(40)) * time.Minute)
	status := "ADMINISTRATION_SUCCESS"
	if c.to == "HOUSEHOLD" {
		status = "DELIVERED"
	}
	done := r.IntN(8) > 0
	if !done {
		status = pick(r, failures)
	}
	body := object{
		"id": id, "taskId": "T-" + id[:8], "clientReferenceId": uuidOf("resource", number*3+kind), "taskClientReferenceId": uuidOf("task", number*3+kind),
		"taskType": "DELIVERY", "status": status, "administrationStatus": status, "tenantId": tenant, "deliveredTo": c.to, "isDelivered": done,
		"householdId": h.id, "memberCount": len(h.people), "localityCode": h.place.code, "createdBy": h.user, "lastModifiedBy": h.user,
		"createdTime": at.UnixMilli(), "lastModifiedTime": at.UnixMilli(), "syncedTime": stored.UnixMilli(),
	}
	project(body)
	body["projectType"], body["projectName"], body["campaignNumber"] = c.projectType, c.name, c.number
	times{at, stored}.synced(body, h.user)
	h.place.boundaries(body)
	if done {
		body["productVariant"], body["productName"], body["quantity"] = c.product, c.productName, 1
	}
	details := object{"cycleIndex": fmt.Sprintf("%02d", 1+r.IntN(4)), "doseIndex": 1}
	if c.to == "INDIVIDUAL" {
		body["individualId"], body["age"], body["dateOfBirth"] = p.id, p.months(), p.born.UnixMilli()
		details["gender"] = p.gender()
	} else if done {
		body["quantity"] = (len(h.people) + 1) / 2
	}
	body["additionalDetails"] = details
	return data(id, body)
}
