package bolt_test

import "github.com/skein-go/skein/internal/role"

// Some tests run this binary again, in a role.
func init() {
	role.Play(map[string]role.Role{
		"holder":  holder,
		"opener":  opener,
		"creator": creator,
		"cut":     cut,
	})
}
