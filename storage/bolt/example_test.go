package bolt_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/threads"
)

// What was deleted can be restored by another process, from the same file.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "skein")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "threads.db")

	if err := func() error {
		store, err := bolt.Open(ctx, path, nil)
		if err != nil {
			return err
		}
		svc := threads.NewService(store, nil)
		for _, title := range []string{"Harvest", "Pruning", "Cider"} {
			if _, err := svc.Create(ctx, "ada", threads.Draft{Organization: "org_orchard", Title: title}); err != nil {
				return err
			}
		}
		d, err := svc.SoftDeleteAll(ctx, "ada", threads.InOrganization("org_orchard"), threads.WithIdempotencyKey("spring-cleaning"))
		if err != nil {
			return err
		}
		fmt.Println("deleted", d.Count)
		return store.Close()
	}(); err != nil {
		fmt.Println(err)
		return
	}

	store, err := bolt.Open(ctx, path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = store.Close() }()
	svc := threads.NewService(store, nil)
	page, err := svc.Deletions(ctx, "ada", threads.Paging{})
	if err != nil {
		fmt.Println(err)
		return
	}
	n, err := svc.Restore(ctx, "ada", page.Deletions[0].ID)
	fmt.Println("restored", n, err)
	// Output:
	// deleted 3
	// restored 3 <nil>
}
