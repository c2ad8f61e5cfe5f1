package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/skein-go/skein/httpx/apikey"
	"github.com/skein-go/skein/threads"
)

var keysAddCommand = command{
	name:     "keys add",
	synopsis: "--keys FILE --user USER [--scope LIST] [--expires DURATION]",
	summary:  "Make an API key and print its secret, once",
	about: `The secret is the one line on standard output and is kept nowhere: the file,
which is made if it is not there, holds only its hash.

A user may have several keys, so that one can take the place of another while
both are good: add the new one, hand it out, wait until skein keys list says
that the old one is not used any more, revoke it.

  export SKEIN_API_KEY="$(skein keys add --keys keys.json --user ada)"`,
	define: func(flags *flag.FlagSet) action {
		keys := keysFlag(flags)
		user := flags.String("user", "", "`USER` whose threads the key is for")
		scope := threads.All()
		flags.Func("scope", "`LIST` of what the key is for, with commas between: ids of organizations, and personal for the user's threads in none (default: all)", func(text string) (err error) {
			scope, err = parseScope(text)
			return err
		})
		var lifetime time.Duration
		flags.Func("expires", "`DURATION` for which the key is good, like 720h (default: until it is revoked)", func(text string) (err error) {
			lifetime, err = parseDuration(text)
			return err
		})
		return func(ctx context.Context, args []string, out, errOut io.Writer) error {
			if err := errors.Join(noArguments(args), requireKeys(*keys)); err != nil {
				return err
			}
			if *user == "" {
				return usagef("--user is missing: say whose threads the key is for")
			}
			if err := threads.ValidateUser(*user); err != nil {
				return usagef("%v", err)
			}
			return addKey(ctx, *keys, *user, scope, lifetime, out, errOut)
		}
	},
}

var keysListCommand = command{
	name:     "keys list",
	synopsis: "--keys FILE",
	summary:  "List the keys, without anything secret",
	about: `LAST USED is exact to the minute. A running server writes it down every minute,
so it may be a minute late.`,
	define: func(flags *flag.FlagSet) action {
		keys := keysFlag(flags)
		return func(_ context.Context, args []string, out, _ io.Writer) error {
			if err := errors.Join(noArguments(args), requireKeys(*keys)); err != nil {
				return err
			}
			return listKeys(*keys, out)
		}
	},
}

var keysRevokeCommand = command{
	name:     "keys revoke",
	synopsis: "--keys FILE ID",
	summary:  "End a key at once, for running servers too",
	about:    "The ID is the one that skein keys list shows. Revoking twice is success.",
	define: func(flags *flag.FlagSet) action {
		keys := keysFlag(flags)
		return func(ctx context.Context, args []string, _, errOut io.Writer) error {
			if err := requireKeys(*keys); err != nil {
				return err
			}
			switch {
			case len(args) != 1:
				return usagef("it takes the id of one key, not %d; for the ids: skein keys list --keys %s", len(args), *keys)
			case apikey.Generated(args[0]):
				return usagef("that is a secret; it takes the id of a key: skein keys list --keys %s", *keys)
			}
			return revokeKey(ctx, *keys, args[0], errOut)
		}
	},
}

func keysFlag(flags *flag.FlagSet) *string {
	return flags.String("keys", "", "the keys `FILE`")
}

// parseScope reads "all", or the parts of a scope in any order.
func parseScope(text string) (threads.Scope, error) {
	if text == threads.All().String() {
		return threads.All(), nil
	}
	var parts []threads.Scope
	for part := range strings.SplitSeq(text, ",") {
		if part == threads.Personal().String() {
			parts = append(parts, threads.Personal())
		} else {
			parts = append(parts, threads.InOrganization(part))
		}
	}
	scope := threads.Union(parts...)
	if scope.Validate() != nil {
		return scope, errors.New("it must be all, or organizations and personal with commas between, like org_abc123,personal")
	}
	return scope, nil
}

func requireKeys(path string) error {
	if path == "" {
		return usagef("--keys is missing: name the file of keys, like --keys keys.json")
	}
	return nil
}

// addKey makes a key and prints its secret. If the secret cannot be printed,
// the key is revoked: nobody knows it.
func addKey(ctx context.Context, path, user string, scope threads.Scope, lifetime time.Duration, out, errOut io.Writer) error {
	var file *apikey.File
	err := whenUnlocked(ctx, func() (err error) {
		file, err = apikey.Create(path)
		if errors.Is(err, fs.ErrExist) {
			file, err = apikey.Open(path)
		}
		return err
	})
	if err != nil {
		return err
	}
	now := time.Now()
	var expires time.Time
	if lifetime > 0 {
		expires = now.Add(lifetime)
	}
	var secret string
	var key apikey.Key
	err = whenUnlocked(ctx, func() (err error) {
		secret, key, err = file.Add(user, scope, expires, now)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, secret); err != nil {
		return errors.Join(fmt.Errorf("the secret could not be printed, so key %s is revoked: %w", key.ID, err),
			whenUnlocked(ctx, func() error { return file.Revoke(key.ID, now) }))
	}
	fmt.Fprintf(errOut, "Added key %s for user %s to %s. This is the only time its secret is shown.\n", key.ID, user, path)
	return nil
}

// listKeys prints a table of the keys in a file.
func listKeys(path string, out io.Writer) error {
	file, err := apikey.Open(path)
	if err != nil {
		return err
	}
	used, unknown := file.LastUsed() // if not, the keys are still of interest
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "ID\tUSER\tSCOPE\tCREATED\tLAST USED\tEXPIRES\tREVOKED")
	for _, k := range file.List() {
		last := day(used[k.ID])
		if unknown != nil {
			last = "?"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.User, k.Scope, day(k.CreatedAt), last, day(k.ExpiresAt), day(k.RevokedAt))
	}
	return errors.Join(table.Flush(), unknown)
}

// day shows a time in a table: "-" if it is not set.
func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func revokeKey(ctx context.Context, path, id string, errOut io.Writer) error {
	file, err := apikey.Open(path)
	if err != nil {
		return err
	}
	err = whenUnlocked(ctx, func() error { return file.Revoke(id, time.Now()) })
	if errors.Is(err, apikey.ErrUnknownKey) {
		name := "of that id" // which may be a secret, or most of one
		if strings.HasPrefix(id, "key_") && len(id) <= 40 {
			name = strconv.Quote(id)
		}
		return fmt.Errorf("%s has no key %s; for those it has: skein keys list --keys %[1]s", path, name)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(errOut, "Revoked key %s.\n", id)
	return nil
}

// lockTries is how often a change to a keys file is tried while others change
// it, each of which takes some milliseconds.
const lockTries = 100

// whenUnlocked calls f until it returns another error than [threads.ErrLocked],
// or none, but not without end: a lock may be left from a crash.
func whenUnlocked(ctx context.Context, f func() error) error {
	for try := 1; ; try++ {
		err := f()
		if try == lockTries || !errors.Is(err, threads.ErrLocked) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}
