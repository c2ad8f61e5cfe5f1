package memory_test

import (
	"context"
	"fmt"

	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// In a table-driven test, each case makes a store of its own, in one line.
func Example() {
	ctx := context.Background()
	for _, tt := range []struct {
		name  string
		scope threads.Scope
	}{
		{"everything", threads.All()},
		{"one organization", threads.InOrganization("org_acme")},
		{"personal", threads.Personal()},
	} {
		svc := threads.NewService(memory.New(), nil)
		for _, organization := range []string{"org_acme", "org_acme", "org_other", ""} {
			if _, err := svc.Create(ctx, "ada", threads.Draft{Organization: organization}); err != nil {
				fmt.Println(err)
				return
			}
		}
		d, err := svc.SoftDeleteAll(ctx, "ada", tt.scope)
		fmt.Println(tt.name, d.Count, err)
	}
	// Output:
	// everything 4 <nil>
	// one organization 2 <nil>
	// personal 1 <nil>
}
