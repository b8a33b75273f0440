package process

// A mark is a checkpoint of the scanner behind a number of records.
type mark struct {
	token   string
	records int64
}

// marks are some places of a scan. A part ends where a mark is not, for what does not fit into it is found out later: work goes
// on at the mark before, and skips some records.
type marks []mark

// maxMarks is how many are kept: the first, which stands before all, and the latest.
const maxMarks = 64

func (m *marks) reset(first mark) { *m = append((*m)[:0], first) }

func (m *marks) add(next mark) {
	if len(*m) == maxMarks {
		*m = append((*m)[:1], (*m)[2:]...)
	}
	*m = append(*m, next)
}

// before returns the last mark that does not stand behind so many records, and forgets those before it.
func (m *marks) before(records int64) mark {
	last := 0
	for i, one := range *m {
		if one.records <= records {
			last = i
		}
	}
	*m = append((*m)[:0], (*m)[last:]...)
	return (*m)[0]
}
