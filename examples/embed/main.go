// Command embed is the smallest program with Skein inside: it puts threads
// into a store, deletes those of one organization, and takes that back.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

func main() {
	ctx := context.Background()
	svc := threads.NewService(memory.New(), nil)

	for _, organization := range []string{"org_abc123", "org_abc123", ""} { // "" is a personal thread
		if _, err := svc.Create(ctx, "ada", threads.Draft{Organization: organization, Title: "Hello"}); err != nil {
			log.Fatal(err)
		}
	}
	deletion, err := svc.SoftDeleteAll(ctx, "ada", threads.InOrganization("org_abc123"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Deleted %d thread(s)\n", deletion.Count)

	restored, err := svc.Restore(ctx, "ada", deletion.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Restored %d thread(s)\n", restored)
}
