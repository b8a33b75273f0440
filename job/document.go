package job

import "time"

// orderName returns the name of the document of a job, by which the newest are found first.
func orderName(created time.Time) string {
	return created.UTC().Format("2006-01-02T15:04:05.000000000Z")
}
