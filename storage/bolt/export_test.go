package bolt

// DecodeThread decodes the record of a thread, for benchmarks that walk the
// file with a bare cursor.
func DecodeThread(key, value []byte) (struct{ Title string }, error) {
	var rec threadRecord
	err := decode(key, value, &rec)
	return struct{ Title string }{rec.Title}, err
}
