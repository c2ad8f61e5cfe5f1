package ratelimit

// Held returns how many users the limiter remembers.
func (l *Limiter) Held() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.recent) + len(l.before)
}
