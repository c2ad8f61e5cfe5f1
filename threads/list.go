package threads

import (
	"context"
	"fmt"
	"iter"
	"slices"
)

// List returns a page of the user's threads that match the query.
//
// To read on, pass the [Thread.Cursor] of the last thread as After; to read
// back, that of the first as Before. Deleting, restoring or purging threads
// between pages neither skips nor repeats a thread that stays.
//
// A page costs what it holds, and a look into each generation that it reads,
// however many threads are live or deleted: live ones have few generations
// (docs/design.md says how many), deleted ones one a bulk deletion. A query for
// an assistant, pinned or hidden may also walk over threads that do not match.
func (s *Service) List(ctx context.Context, user string, q Query, p Paging) (Page, error) {
	page, err := s.list(ctx, user, q, p)
	if err != nil {
		return Page{}, fmt.Errorf("list threads: %w", err)
	}
	return page, nil
}

func (s *Service) list(ctx context.Context, user string, q Query, p Paging) (Page, error) {
	if err := ValidateUser(user); err != nil {
		return Page{}, err
	}
	if err := q.Validate(); err != nil {
		return Page{}, err
	}
	if _, err := p.validate(); err != nil {
		return Page{}, err
	}
	if q.Deletion != "" {
		if _, err := s.store.GetDeletion(ctx, user, q.Deletion); err != nil {
			return Page{}, err
		}
	}
	items, more, err := page(p, q.Order, func(order Order, after Cursor, limit int) ([]Thread, error) {
		q.Order = order
		return s.store.List(ctx, user, q, after, limit)
	})
	return Page{Threads: items, HasMore: more}, err
}

// All returns every thread of the user that matches the query, read page by
// page while the loop runs. After an error, which is yielded with the zero
// Thread, it ends. It sees each thread that stays for the whole of the loop
// exactly once; whether it sees one that comes or goes meanwhile is open. A
// loop over one deletion ends with [ErrNotFound] if its record goes meanwhile.
func (s *Service) All(ctx context.Context, user string, q Query) iter.Seq2[Thread, error] {
	return func(yield func(Thread, error) bool) {
		p := Paging{Limit: MaxPage}
		for {
			page, err := s.List(ctx, user, q, p)
			if err != nil {
				yield(Thread{}, err)
				return
			}
			for _, t := range page.Threads {
				p.After = t.Cursor() // before the loop's body can change its copy
				if !yield(t, nil) {
					return
				}
			}
			if !page.HasMore {
				return
			}
		}
	}
}

// Count returns how many of the user's threads in the scope are live and how
// many are deleted. It is exact and does not look at each thread.
func (s *Service) Count(ctx context.Context, user string, scope Scope) (Counts, error) {
	if err := validateUserScope(user, scope); err != nil {
		return Counts{}, fmt.Errorf("count threads: %w", err)
	}
	n, err := s.store.Count(ctx, user, scope)
	if err != nil {
		return Counts{}, fmt.Errorf("count threads: %w", err)
	}
	return n, nil
}

// Deletion returns the record of one of the user's deletions, or
// [ErrNotFound].
func (s *Service) Deletion(ctx context.Context, user, id string) (Deletion, error) {
	if err := validateUserDeletion(user, id); err != nil {
		return Deletion{}, fmt.Errorf("get deletion: %w", err)
	}
	d, err := s.store.GetDeletion(ctx, user, id)
	if err != nil {
		return Deletion{}, fmt.Errorf("get deletion %q: %w", id, err)
	}
	return d, nil
}

// Deletions returns a page of the user's deletions, newest first, with how
// many threads each still holds. To list the threads inside one, call
// [Service.List] with a [Query] for it.
func (s *Service) Deletions(ctx context.Context, user string, p Paging) (DeletionPage, error) {
	if err := ValidateUser(user); err != nil {
		return DeletionPage{}, fmt.Errorf("list deletions: %w", err)
	}
	items, more, err := page(p, NewestFirst, func(order Order, after Cursor, limit int) ([]Deletion, error) {
		return s.store.ListDeletions(ctx, user, order, after, limit)
	})
	if err != nil {
		return DeletionPage{}, fmt.Errorf("list deletions: %w", err)
	}
	return DeletionPage{Deletions: items, HasMore: more}, nil
}

// page reads one page, and one item more to know whether there are more. A
// page that ends before a place is the page after it in the other order,
// turned around.
func page[T any](p Paging, order Order, list func(Order, Cursor, int) ([]T, error)) (items []T, more bool, err error) {
	p, err = p.validate()
	if err != nil {
		return nil, false, err
	}
	from, backwards := p.After, false
	if !p.Before.IsZero() {
		from, backwards, order = p.Before, true, order.reversed()
	}
	items, err = list(order, from, p.Limit+1)
	if err != nil {
		return nil, false, err
	}
	if len(items) > p.Limit {
		items, more = items[:p.Limit], true
	}
	if backwards {
		slices.Reverse(items)
	}
	return items, more, nil
}
