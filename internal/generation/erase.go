package generation

import (
	"fmt"
	"time"

	"github.com/skein-go/skein/threads"
)

// What an erasure hands to a purge: a time after every deletion, and one for
// the purge itself, from which no rule reads more than that it has begun.
var (
	Never   = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	LongAgo = time.Unix(0, 0).UTC()
)

// Erasing returns the deletion that an erasure hides all live threads in. Its
// purge has begun, so nothing of it comes back if the erasure is stopped. The
// id is the first that the user does not have, since one may be left of an
// erasure that was. Counts are the caller's to set.
func Erasing(user string, taken func(id string) (bool, error)) (threads.Deletion, error) {
	for n := 1; ; n++ {
		id := fmt.Sprintf("del_erasure_%d", n)
		has, err := taken(id)
		if err != nil {
			return threads.Deletion{}, err
		}
		if !has {
			return threads.Deletion{ID: id, User: user, Scope: threads.All(), DeletedAt: LongAgo, PurgedAt: LongAgo}, nil
		}
	}
}
