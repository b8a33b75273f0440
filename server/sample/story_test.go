package sample_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/digit-health/dhr/search"
	"github.com/digit-health/dhr/server/sample"
)

// Numbers in documents and screenshots hold only as long as every byte stays the same.
func TestBytesStayTheSame(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, index := range sample.Indexes() {
		docs, err := sample.Documents(index)
		require.NoError(t, err)
		sums := [2]string{}
		for i := range sums {
			hash := sha256.New()
			for id, doc := range docs {
				hash.Write([]byte(id))
				hash.Write(doc)
			}
			sums[i] = hex.EncodeToString(hash.Sum(nil))[:16]
		}
		require.Equal(t, sums[0], sums[1], "the second time is as the first")
		got[index] = sums[0]
	}
	require.Equal(t, map[string]string{
		sample.Patients:   "2b1fef8b6146cc05",
		sample.Visits:     "4ffe175152b65809",
		sample.Treatments: "72c3aa1e9743f96c",
		sample.Outcomes:   "99c55a776293d2ed",
		sample.Analytics:  "606c23a5c0282b46",
		sample.Tasks:      "48f692bd7aed58dc",
	}, got)
}

func TestUnknownIndexes(t *testing.T) {
	t.Parallel()
	_, err := sample.Documents("health-data-visit")
	require.ErrorContains(t, err, `no index "health-data-visit"`)
	_, err = sample.Mapping("../mappings/health-data-visits")
	require.ErrorContains(t, err, "no index")
	_, err = sample.Schema("")
	require.ErrorContains(t, err, `no index ""`)
}

// documents reads an index as any reader of JSON would.
func documents(t *testing.T, index string) map[string]map[string]any {
	t.Helper()
	docs, err := sample.Documents(index)
	require.NoError(t, err)
	all := map[string]map[string]any{}
	for id, text := range docs {
		decoder := json.NewDecoder(strings.NewReader(string(text)))
		decoder.UseNumber()
		var d map[string]any
		require.NoError(t, decoder.Decode(&d), "%s", text)
		require.Nil(t, all[id], id)
		all[id] = d
	}
	return all
}

func at(t *testing.T, d map[string]any, field string) time.Time {
	t.Helper()
	text, ok := d[field].(string)
	require.True(t, ok, "%s of %v", field, d)
	layout := time.RFC3339
	if len(text) == len(time.DateOnly) {
		layout = time.DateOnly
	}
	v, err := time.Parse(layout, text)
	require.NoError(t, err)
	return v
}

func TestReferencesHold(t *testing.T) {
	t.Parallel()
	first := time.Date(2024, 12, 1, 0, 0, 0, 0, time.FixedZone("", 330*60))
	patients, visits := documents(t, sample.Patients), documents(t, sample.Visits)
	treatments, outcomes := documents(t, sample.Treatments), documents(t, sample.Outcomes)
	for id, v := range visits {
		p := patients[v["patient_id"].(string)]
		require.NotNil(t, p, id)
		when := at(t, v, "visited_at")
		require.False(t, when.Before(first) || when.After(sample.AsOf()), id)
		require.True(t, when.After(at(t, p, "birth_date")), id)
		require.False(t, when.Before(at(t, p, "registered_at")), id)
		require.Equal(t, p["gender"], v["gender"], id)
		require.Equal(t, p["district"], v["district"], id)
		if p["died_at"] != nil {
			require.True(t, when.Before(at(t, p, "died_at")), id)
		}
		if v["icd10"] == "Z34.9" {
			require.Equal(t, "female", v["gender"], id)
		}
		hour := when.Hour()
		require.True(t, hour >= 8 && hour < 18, id)
	}
	for id, d := range treatments {
		v := visits[d["visit_id"].(string)]
		require.NotNil(t, v, id)
		require.Equal(t, v["patient_id"], d["patient_id"], id)
		require.False(t, at(t, d, "started_at").Before(at(t, v, "visited_at")), id)
		require.Equal(t, d["status"] == "active", d["ended_at"] == nil, id)
		changes := d["changes"].([]any)
		require.Equal(t, d["status"], changes[len(changes)-1].(map[string]any)["to"], id)
		if died := patients[d["patient_id"].(string)]["died_at"]; died != nil && d["ended_at"] != nil {
			require.False(t, at(t, d, "ended_at").After(at(t, patients[d["patient_id"].(string)], "died_at")), id)
		}
	}
	for id, d := range outcomes {
		tr := treatments[d["treatment_id"].(string)]
		require.NotNil(t, tr, id)
		require.Equal(t, tr["visit_id"], d["visit_id"], id)
		require.False(t, at(t, d, "recorded_at").Before(at(t, tr, "ended_at")), id)
		require.False(t, at(t, d, "recorded_at").After(sample.AsOf()), id)
		p := patients[d["patient_id"].(string)]
		if d["fatal"] == true {
			require.Equal(t, "deceased", p["status"], id)
		}
		if p["died_at"] != nil {
			require.False(t, at(t, d, "recorded_at").After(at(t, p, "died_at")), id)
		}
	}
}

func TestPeopleAreDiverse(t *testing.T) {
	t.Parallel()
	scripts := map[string]int{}
	exact := new(big.Int).Lsh(big.NewInt(1), 53)
	for _, d := range documents(t, sample.Patients) {
		for _, name := range []string{"Latin", "Devanagari", "Tamil", "Bengali", "Gurmukhi", "Ethiopic", "Arabic"} {
			if strings.ContainsFunc(d["name"].(string), func(r rune) bool { return unicode.Is(unicode.Scripts[name], r) }) {
				scripts[name]++
			}
		}
		if n, ok := d["insurance_number"]; ok {
			v, ok := new(big.Int).SetString(n.(json.Number).String(), 10)
			require.True(t, ok && v.Cmp(exact) > 0 && v.Bit(0) == 1, n)
		}
		if n, ok := d["national_id"]; ok {
			require.Len(t, n, 12)
			require.Equal(t, byte('0'), n.(string)[0])
		}
	}
	for name, n := range scripts {
		require.Greater(t, n, 200, name)
	}
	require.Len(t, scripts, 7)
	long, emoji := 0, 0
	for _, d := range documents(t, sample.Visits) {
		note, _ := d["notes"].(string)
		if len(note) > 50_000 {
			long++
		}
		if strings.ContainsAny(note, "🙂🩸🦟👩🇮💊") {
			emoji++
		}
	}
	require.Equal(t, 10, long)
	require.Greater(t, emoji, 50)
}

// month returns a condition for the visits of a month.
func month(year, m int) string {
	start := time.Date(year, time.Month(m), 1, 0, 0, 0, 0, time.UTC)
	return fmt.Sprintf("date >= %s AND date < %s", start.Format(time.DateOnly), start.AddDate(0, 1, 0).Format(time.DateOnly))
}

func malaria(t *testing.T, district string, year, m int) int64 {
	t.Helper()
	return count(t, fmt.Sprintf("diagnosis ~ malaria AND district = %s AND %s", district, month(year, m)), sample.Visits)
}

func TestMalariaFollowsTheRains(t *testing.T) {
	t.Parallel()
	for district, peak := range map[string]int{"Sonapahar": 8, "Padmachar": 10, "Bandaro": 9, "Ndosala": 11} {
		most := malaria(t, district, 2025, peak)
		for _, m := range []int{2, 3, 4, 5} {
			require.Greater(t, most, 3*malaria(t, district, 2025, m), "%s, month %d", district, m)
		}
	}
}

func TestBedNetsHelp(t *testing.T) {
	t.Parallel()
	const rains = "diagnosis ~ malaria AND district = %s AND date >= %d-06-01 AND date <= %d-11-30"
	for district, nets := range map[string]bool{
		"Bandaro": true, "Dikomba": true, "Ganturi": true, "Hamarou": true, "Kelengu": true,
		"Mabiri": false, "Ndosala": false, "Wuralo": false,
	} {
		before := count(t, fmt.Sprintf(rains, district, 2025, 2025), sample.Visits)
		after := count(t, fmt.Sprintf(rains, district, 2026, 2026), sample.Visits)
		if nets {
			require.Less(t, after*100, before*70, district)
		} else {
			require.Greater(t, after*100, before*80, district)
		}
		given := count(t, `indicator = "Bed nets given out" AND district = `+district, sample.Analytics)
		require.Equal(t, nets, given == 1, district)
	}
}

func TestMabiriHadCholera(t *testing.T) {
	t.Parallel()
	inside := count(t, "icd10 = A00.9 AND district = Mabiri AND date >= 2026-07-01 AND date < 2026-10-01", sample.Visits)
	all := count(t, "icd10 = A00.9", sample.Visits)
	require.Greater(t, inside, int64(150))
	require.Less(t, all-inside, inside/10)
	require.Greater(t, count(t, "icd10 = A00.9 AND "+month(2026, 8), sample.Visits), inside/2)
}

func TestCampaignReachesWhatItSays(t *testing.T) {
	t.Parallel()
	treated := buckets(t, sample.Tasks, "status = ADMINISTRATION_SUCCESS", search.Group{Name: "campaign"}, search.Group{Name: "district"})
	sums := map[string]int64{}
	for _, d := range documents(t, sample.Analytics) {
		if d["kind"] != "campaign" || d["cycle"] == nil {
			continue
		}
		target, _ := d["target"].(json.Number).Int64()
		reached, _ := d["reached"].(json.Number).Int64()
		require.True(t, reached*100 >= target*69 && reached*100 <= target*105, d)
		sums[d["campaign"].(string)+" "+d["district"].(string)] += reached
	}
	require.Len(t, sums, 16)
	require.Equal(t, sums, treated)
}

func TestSilenceIsSilent(t *testing.T) {
	t.Parallel()
	require.Zero(t, count(t, "facility_id = 00703 AND date >= 2026-03-01 AND date < 2026-06-01", sample.Visits))
	require.Positive(t, count(t, "facility_id = 00703 AND "+month(2026, 6), sample.Visits))
	require.Zero(t, count(t, `facility_id = 00703 AND kind = stock AND month = 2026-03-01`, sample.Analytics))
	require.Equal(t, int64(1), count(t, `district = Sonapahar AND kind = reporting AND month = 2026-03-01 AND reached = 2`, sample.Analytics))
	require.Equal(t, map[string]int64{"01303": 2, "01402": 3},
		buckets(t, sample.Analytics, `kind = stock AND out_of_stock = "true"`, search.Group{Name: "facility_id"}))
}

// What is counted of visits is what the visits say.
func TestCasesAreCounted(t *testing.T) {
	t.Parallel()
	for _, district := range []string{"Bandaro", "Guruwala"} {
		n := malaria(t, district, 2026, 9)
		require.Equal(t, int64(1), count(t, fmt.Sprintf("kind = cases AND district = %s AND month = 2026-09-01 AND cases = %d", district, n), sample.Analytics))
	}
}
