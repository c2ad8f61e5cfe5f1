package memory

// Users is how many users the store keeps anything of.
func (s *Store) Users() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.accounts) + s.trashers.Len()
}

// Unlocked reports whether no call holds the lock.
func (s *Store) Unlocked() bool {
	if !s.mu.TryLock() {
		return false
	}
	s.mu.Unlock()
	return true
}
