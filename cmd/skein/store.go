package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/skein-go/skein/storage/bolt"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/storage/sqlite"
	"github.com/skein-go/skein/threads"
)

// stores is every kind of store there is, by the scheme of its URL.
var stores = []struct {
	form string // how its URLs look; what comes after the colon is empty if nothing may
	open func(place string) (threads.Store, error)
}{
	{"memory:", func(string) (threads.Store, error) { return memory.New(), nil }},
	{"bolt:PATH", func(path string) (threads.Store, error) { return bolt.Open(context.Background(), path, nil) }},
	{"sqlite:PATH", func(path string) (threads.Store, error) { return sqlite.Open(context.Background(), path, nil) }},
}

// storeURL is a [flag.Value] that says where threads are kept.
type storeURL struct {
	text string
	open func() (threads.Store, error) // nil until Set
}

func (u *storeURL) String() string { return u.text }

// Set accepts the URL of a store, and opens nothing.
func (u *storeURL) Set(text string) error {
	_, place, _ := strings.Cut(text, ":")
	var have []string
	for _, s := range stores {
		kind, placeholder, _ := strings.Cut(s.form, ":")
		have = append(have, s.form)
		if kind+":"+place == text && (place == "") == (placeholder == "") {
			*u = storeURL{text, func() (threads.Store, error) { return s.open(place) }}
			return nil
		}
	}
	return fmt.Errorf("it must be %s", strings.Join(have, " or "))
}
