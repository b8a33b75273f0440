// Package figures computes what the gadgets of a dashboard show.
//
//	f := figures.New(index, filters.Get, nil)
//	...
//	for data := range f.Data(ctx, who, board.Gadgets, nil) {
//		fmt.Println(data.Title, data.Total)
//	}
//
// # One round trip
//
// The figures of all gadgets are asked of the engine in one call, followed by another if a limit has left out buckets of some, for how many these are;
// tables of records are pages, and are asked beside it. Each gadget's
// data is yielded as soon as it is there. A gadget that cannot be computed has an [Error] in words, and keeps none of the others from
// being shown: if the one call fails, each gadget is asked for by itself.
//
// # What a viewer sees
//
// A filter is read, and its question asked, as who looks: by a gadget nobody sees more than by asking. What was computed is kept for a short
// time, [Options].Keep, and shared by all whose question, with everything that their roles add to it, is the same: see [search.Index.Identity].
//
// # Nothing is left out in silence
//
// Every point carries the query that finds its records. Buckets beyond a limit are counted in [Others]; records without a value have a
// point of their own, or stand in [Data].Missing if the points are spans of time. In a course of time a span without records has a point: a count
// of 0, and for a measure no value, since what was not measured is not zero. If there would be more points than [Options].MaxPoints, there are none
// but a sentence.
//
// A record with several values counts once for each; points then add up to more than the total, and shares of a whole are not given.
package figures
