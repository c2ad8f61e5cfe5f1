package lab

import "github.com/skein-go/skein/internal/role"

// Some tests run this binary again, in a role.
func init() {
	role.Play(map[string]role.Role{
		"worker":    worker,
		"damaged":   damaged,
		"holder":    holder,
		"eraser":    eraser,
		"compactor": compactor,
		"soaker":    soaker,
	})
}
