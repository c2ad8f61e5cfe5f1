package memory_test

import (
	"context"
	"fmt"

	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

func Example() {
	ctx := context.Background()
	svc := threads.NewService(memory.New(), nil)
	for range 3 {
		if _, err := svc.Create(ctx, "ada", threads.Draft{Organization: "org_abc123"}); err != nil {
			fmt.Println(err)
		}
	}
	d, err := svc.SoftDeleteAll(ctx, "ada", threads.All())
	fmt.Println(d.Count, err)
	// Output: 3 <nil>
}
