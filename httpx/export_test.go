package httpx

// Routes returns every endpoint, as "METHOD /path".
func Routes() (list []string) {
	for _, r := range routes() {
		list = append(list, r.method+" "+r.pattern)
	}
	return list
}
