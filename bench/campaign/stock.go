package campaign

import (
	"fmt"
	"time"
)

type facility struct{ id, name, kind, level string }

var (
	warehouses = []facility{
		{"F-2026-000001", "Lake Province Warehouse", "WAREHOUSE", "STATE"}, {"F-2026-000002", "Bandaro Warehouse", "WAREHOUSE", "LGA"},
		{"F-2026-000003", "Mabiri Warehouse", "WAREHOUSE", "LGA"},
	}
	houses = []facility{
		{"F-2026-000011", "Bandaro District Hospital", "HEALTH_FACILITY", "WARD"}, {"F-2026-000012", "Kelengu Health Centre", "HEALTH_FACILITY", "WARD"},
		{"F-2026-000013", "Mabiri Kasuwa Health Centre", "HEALTH_FACILITY", "WARD"}, {"F-2026-000014", "Wuralo Dispensary", "HEALTH_FACILITY", "WARD"},
	}
)

// stockOf returns a movement of stock: received, dispatched, returned, or lost.
func stockOf(number int) document {
	r := drawOf("stock", number)
	at := timesOf(r)
	id := uuidOf("stock", number)
	from, to := pick(r, warehouses), pick(r, houses)
	event, reason, entry := "RECEIVED", "RECEIVED", "RECEIPT"
	facility, other := to, from
	switch r.IntN(8) {
	case 0, 1, 2:
		event, reason, entry, facility, other = "DISPATCHED", "", "ISSUED", from, to
	case 3:
		event, reason, entry, facility, other = "DISPATCHED", "RETURNED", "RETURNED", to, from
	case 4:
		event, reason, entry, facility, other = "DISPATCHED", pick(r, []string{"LOST_IN_STORAGE", "DAMAGED_IN_TRANSIT"}), "LOSS", from, to
	}
	c := rounds[r.IntN(len(rounds))]
	user := fmt.Sprintf("warehouse-%s-%02d", facility.id, 1+r.IntN(3))
	body := object{
		"id": "S-" + id[:8], "clientReferenceId": id, "tenantId": tenant, "eventType": event, "physicalCount": 10 * (1 + r.IntN(400)),
		"productVariant": c.product, "productName": c.productName,
		"facilityId": facility.id, "facilityName": facility.name, "facilityType": facility.kind, "facilityLevel": facility.level,
		"transactingFacilityId": other.id, "transactingFacilityName": other.name, "transactingFacilityType": other.kind, "transactingFacilityLevel": other.level,
		"dateOfEntry": at.made.Truncate(time.Hour).UnixMilli(), "createdTime": at.stored.UnixMilli(), "lastModifiedTime": at.stored.UnixMilli(), "syncedTime": at.stored.UnixMilli(),
		"createdBy": user, "lastModifiedBy": user,
	}
	if reason != "" {
		body["reason"] = reason
	}
	if r.IntN(4) > 0 {
		body["waybillNumber"] = fmt.Sprintf("WB-%06d", r.IntN(1_000_000))
	}
	details := object{"stockEntryType": entry, "cycleIndex": fmt.Sprintf("%02d", 1+r.IntN(4))}
	if event == "DISPATCHED" && reason == "" {
		details["status"] = pick(r, []string{"ACCEPTED", "IN_TRANSIT", "REJECTED"})
	}
	body["additionalDetails"] = details
	project(body)
	body["projectType"], body["projectName"], body["campaignNumber"] = c.projectType, c.name, c.number
	at.synced(body, user)
	return data(id, body)
}
