package apikey

import "time"

// SetClock replaces the clock by which keys expire.
func (f *File) SetClock(now func() time.Time) { f.clock = now }
