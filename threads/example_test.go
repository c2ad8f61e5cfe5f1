package threads_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

// exampleService returns a service for the examples. Its ids are thrd_1,
// thrd_2 and del_1, del_2; its clock goes on by a minute whenever it is read.
func exampleService() *threads.Service {
	c := &clock{now: time.Date(2026, time.January, 2, 9, 0, 0, 0, time.UTC)}
	return threads.NewService(memory.New(), &threads.Options{
		Now: func() time.Time {
			c.advance(time.Minute)
			return c.Now()
		},
		NewThreadID:   sequence("thrd_"),
		NewDeletionID: sequence("del_"),
	})
}

// Delete all threads that a user has in one organization, and bring them back.
func ExampleService_SoftDeleteAll() {
	ctx := context.Background()
	svc := exampleService()
	for _, organization := range []string{"org_acme", "org_acme", "org_other", ""} {
		if _, err := svc.Create(ctx, "ada", threads.Draft{Organization: organization}); err != nil {
			log.Fatal(err)
		}
	}

	deletion, err := svc.SoftDeleteAll(ctx, "ada", threads.InOrganization("org_acme"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("deleted %d threads of %s\n", deletion.Count, deletion.Scope)
	left, err := svc.Count(ctx, "ada", threads.All())
	fmt.Printf("%+v %v\n", left, err)

	restored, err := svc.Restore(ctx, "ada", deletion.ID)
	fmt.Println("restored", restored, err)
	left, err = svc.Count(ctx, "ada", threads.All())
	fmt.Printf("%+v %v\n", left, err)
	// Output:
	// deleted 2 threads of org_acme
	// {Live:2 Deleted:2} <nil>
	// restored 2 <nil>
	// {Live:4 Deleted:0} <nil>
}

// A retry with the same key gets the first answer and deletes nothing newer.
func ExampleWithIdempotencyKey() {
	ctx := context.Background()
	svc := exampleService()
	key := threads.WithIdempotencyKey("5f3e0c6a")
	for range 2 {
		if _, err := svc.Create(ctx, "ada", threads.Draft{}); err != nil {
			log.Fatal(err)
		}
		deletion, err := svc.SoftDeleteAll(ctx, "ada", threads.All(), key)
		fmt.Println(deletion.ID, deletion.Count, err)
	}
	_, err := svc.SoftDeleteAll(ctx, "ada", threads.Personal(), key)
	fmt.Println("with another scope, a conflict:", errors.Is(err, threads.ErrConflict))
	// Output:
	// del_1 1 <nil>
	// del_1 1 <nil>
	// with another scope, a conflict: true
}

// Everything is something that has to be said: neither the zero Scope nor an
// organization id that came out wrong ever means it.
func ExampleScope() {
	var forgotten threads.Scope
	for _, scope := range []threads.Scope{
		threads.All(),
		threads.Personal(),
		threads.InOrganization("org_acme"),
		threads.InOrganization("all"),
		forgotten,
	} {
		fmt.Println(scope, scope.Contains("org_acme"), scope.Contains(""), scope.Validate())
	}
	// Output:
	// all true true <nil>
	// personal false true <nil>
	// org_acme true false <nil>
	// invalid false false invalid organization_id: Must start with 'org_'; got "all"
	// invalid false false invalid scope: Must be made by All, InOrganization, Personal or Union
}

// Loop over everything that matches, however many pages that takes.
func ExampleService_All() {
	ctx := context.Background()
	svc := exampleService()
	for _, title := range []string{"Tea", "Coffee", "Cocoa"} {
		if _, err := svc.Create(ctx, "ada", threads.Draft{Title: title}); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := svc.Delete(ctx, "ada", "thrd_2"); err != nil {
		log.Fatal(err)
	}

	for thread, err := range svc.All(ctx, "ada", threads.Query{Scope: threads.All()}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(thread.CreatedAt.Format(time.TimeOnly), thread.ID, thread.Title)
	}
	// Output:
	// 09:03:00 thrd_3 Cocoa
	// 09:01:00 thrd_1 Tea
}

// Read a list page by page, with a token that a client can hold in between.
func ExampleService_List() {
	ctx := context.Background()
	svc := exampleService()
	for range 5 {
		if _, err := svc.Create(ctx, "ada", threads.Draft{}); err != nil {
			log.Fatal(err)
		}
	}

	paging := threads.Paging{Limit: 2}
	for more := true; more; {
		page, err := svc.List(ctx, "ada", threads.Query{Scope: threads.All()}, paging)
		if err != nil {
			log.Fatal(err)
		}
		for _, thread := range page.Threads {
			fmt.Print(thread.ID, " ")
		}
		fmt.Println("more:", page.HasMore)

		token := page.Threads[len(page.Threads)-1].Cursor().String() // to the client and back
		if paging.After, err = threads.ParseCursor(token); err != nil {
			log.Fatal(err)
		}
		more = page.HasMore
	}
	// Output:
	// thrd_5 thrd_4 more: true
	// thrd_3 thrd_2 more: true
	// thrd_1 more: false
}

// Keep what is deleted for 30 days. A server runs Retain in a goroutine until
// it shuts down; here, the first report ends it.
func ExampleService_Retain() {
	c := &clock{now: time.Date(2026, time.January, 2, 9, 0, 0, 0, time.UTC)}
	svc := threads.NewService(memory.New(), &threads.Options{Now: c.Now})
	ctx, stop := context.WithCancel(context.Background())
	if _, err := svc.Create(ctx, "ada", threads.Draft{}); err != nil {
		log.Fatal(err)
	}
	if _, err := svc.SoftDeleteAll(ctx, "ada", threads.All()); err != nil {
		log.Fatal(err)
	}
	c.advance(31 * 24 * time.Hour)

	ended := make(chan error)
	go func() {
		ended <- svc.Retain(ctx, threads.Retention{
			Keep:  30 * 24 * time.Hour,
			Every: time.Hour,
			Report: func(user string, r threads.PurgeResult, err error) {
				fmt.Println("purged", r.Threads, "of", user, err)
				stop()
			},
		})
	}()
	fmt.Println(<-ended)
	// Output:
	// purged 1 of ada <nil>
	// context canceled
}

// An ErrInvalid always says which field broke which rule.
func ExampleFieldError() {
	svc := exampleService()
	_, err := svc.SoftDeleteAll(context.Background(), "ada", threads.InOrganization("invalid_id"))

	var field *threads.FieldError
	if errors.As(err, &field) {
		fmt.Println(field.Field)
		fmt.Println(field.Rule)
		fmt.Println(field.Given)
	}
	fmt.Println(errors.Is(err, threads.ErrInvalid))
	// Output:
	// organization_id
	// Must start with 'org_'
	// invalid_id
	// true
}

func ExampleValidateOrganizationID() {
	fmt.Println(threads.ValidateOrganizationID("org_abc123"))
	fmt.Println(threads.ValidateOrganizationID("invalid_id"))
	fmt.Println(threads.ValidateOrganizationID("org_"))
	// Output:
	// <nil>
	// invalid organization_id: Must start with 'org_'; got "invalid_id"
	// invalid organization_id: Must have at least one character after 'org_'; got "org_"
}
