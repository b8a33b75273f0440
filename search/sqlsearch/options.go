package sqlsearch

import "time"

// Options are settings of a SQLite store. The zero value has the defaults.
type Options struct {
	// ReadOnly opens the file without ever writing to it.
	ReadOnly bool
	// Busy is how long to wait for another process that writes. If zero, 5 seconds.
	Busy time.Duration
	// Cache is how much of the file the writer keeps in memory, in bytes; each reader
	// keeps a quarter of it. If zero, 48 MB.
	Cache int64
	// Readers is how many connections are kept for questions; more are opened when they are needed at once,
	// and stay open for the next ones until they have been idle for a while. All that are idle for a while give their memory back. If zero, 16.
	Readers int
	// Columns is how much memory columns of indexes may take, from which groups, pages and counts are answered at a
	// fraction of the cost, in bytes; a value takes one to eight. While one is read, it takes eight bytes for each record and at most as much again
	// for several values. They are given up when nobody asks for half a minute, of an index with
	// 1,000,000 records for ten. If zero, 32 MB; if negative, there are none.
	Columns int64
	// Batch is how many documents are stored in one transaction. If zero, 4,000.
	Batch int
	// MaxPages is how many pages of 8 KB the file may have, after which it is
	// full. If zero, as many as SQLite can count.
	MaxPages int64
}

func (o *Options) withDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Busy == 0 {
		out.Busy = 5 * time.Second
	}
	if out.Cache == 0 {
		out.Cache = 48 << 20
	}
	if out.Readers == 0 {
		out.Readers = 16
	}
	if out.Columns == 0 {
		out.Columns = 32 << 20
	}
	if out.Batch == 0 {
		out.Batch = 4000
	}
	return out
}
