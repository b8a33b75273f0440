package sqlsearch

// Connections returns how many connections to the file are reading, how many are kept for the next question, and
// how many are kept for long: more are opened when more are needed. That of the writer is not among them.
func (d *SQLite) Connections() (used, idle, kept int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return int(d.readers.Load()) - len(d.idle), len(d.idle), d.options.Readers
}

// Connections returns how many connections to the database are in use, how many are open besides, and how many there may be.
func (p *pgPool) Connections() (used, idle, most int) {
	s := p.pool.Stat()
	return int(s.AcquiredConns()), int(s.IdleConns()), int(s.MaxConns())
}
