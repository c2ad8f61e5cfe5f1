package threads_test

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skein-go/skein/threads"
)

func TestCursorRoundTrip(t *testing.T) {
	for _, want := range []threads.Cursor{
		{Time: start, ID: "thrd_1"},
		{Time: time.Unix(0, 0).UTC(), ID: "x"},
		{Time: time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC), ID: "before the epoch"},
		{Time: time.Date(1, 1, 1, 0, 0, 0, 1_000, time.UTC), ID: "first"},
		{Time: time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC), ID: "last"},
		{Time: start, ID: "日本/?&=#"},
		{Time: start, ID: strings.Repeat("x", threads.MaxIdentifier)},
	} {
		token := want.String()
		got, err := threads.ParseCursor(token)
		if err != nil || got != want {
			t.Errorf("ParseCursor(%q) = %+v, %v; want %+v, nil", token, got, err, want)
		}
		if strings.ContainsFunc(token, func(r rune) bool {
			return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", r)
		}) {
			t.Errorf("String() = %q; want only what a URL carries as it is", token)
		}
	}
}

func TestZeroCursorIsNoPlace(t *testing.T) {
	var zero threads.Cursor
	if !zero.IsZero() || zero.String() != "" {
		t.Errorf("zero Cursor: IsZero() = %t, String() = %q; want true and no token", zero.IsZero(), zero.String())
	}
	wantInvalid(t, "Cursor{}.Validate()", zero.Validate(), "cursor")
	for _, half := range []threads.Cursor{{ID: "thrd_1"}, {Time: start}} {
		if half.IsZero() {
			t.Errorf("%+v.IsZero() = true; want false: half a place is a mistake, not the first page", half)
		}
		wantInvalid(t, "Validate() of half a cursor", half.Validate(), "cursor")
	}
}

func TestCursorValidate(t *testing.T) {
	for name, c := range map[string]threads.Cursor{
		"an id with a control character": {Time: start, ID: "a\nb"},
		"an id that is too long":         {Time: start, ID: strings.Repeat("x", threads.MaxIdentifier+1)},
		"an id that is no UTF-8":         {Time: start, ID: "\xff"},
		"a time finer than microseconds": {Time: start.Add(1), ID: "a"},
		"a time that is not UTC":         {Time: start.In(time.FixedZone("", 3600)), ID: "a"},
		"a year before 1":                {Time: time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC), ID: "a"},
		"a year after 9999":              {Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), ID: "a"},
	} {
		wantInvalid(t, "Validate() of "+name, c.Validate(), "cursor")
	}
}

func TestParseCursorRefusesEveryDamage(t *testing.T) {
	token := threads.Cursor{Time: start, ID: "thrd_018f2f6e"}.String()
	refuse := func(what, damaged string) {
		t.Helper()
		got, err := threads.ParseCursor(damaged)
		wantInvalid(t, "ParseCursor of "+what, err, "cursor")
		if !got.IsZero() {
			t.Errorf("ParseCursor of %s = %+v beside an error; want the zero Cursor", what, got)
		}
	}
	for n := range len(token) {
		refuse("a token cut short", token[:n])
		refuse("a token without its beginning", token[n+1:])
	}
	for i := range len(token) {
		for _, c := range []byte("A_9-") {
			if token[i] != c {
				refuse("a token with another character", token[:i]+string(c)+token[i+1:])
			}
		}
		refuse("a token with a line break", token[:i]+"\n"+token[i:])
	}
	for _, more := range []string{"A", "AA", "AAAA", "=", "==", " ", "\r\n", "\x00", token} {
		refuse("a token with something after it", token+more)
	}
	refuse("text that is no token", "thrd_018f2f6e")
	refuse("base64 of the wrong alphabet", "+/+/+/+/+/+/+/+/+/+/+/+/")
	refuse("a huge token", strings.Repeat("A", 1<<20))
}

// A token with the right sum is still held to the rules of a place.
func TestParseCursorRefusesWellFormedNonsense(t *testing.T) {
	for what, token := range map[string]string{
		"an unknown version":        sign(2, start.UnixMicro(), "thrd_1"),
		"version 0":                 sign(0, start.UnixMicro(), "thrd_1"),
		"no id":                     sign(1, start.UnixMicro(), ""),
		"an id with a line break":   sign(1, start.UnixMicro(), "a\nb"),
		"an id that is no UTF-8":    sign(1, start.UnixMicro(), "\xff"),
		"an id that is too long":    sign(1, start.UnixMicro(), strings.Repeat("x", threads.MaxIdentifier+1)),
		"the zero time":             sign(1, time.Time{}.UnixMicro(), "thrd_1"),
		"a time after all calendar": sign(1, math.MaxInt64, "thrd_1"),
		"a time before all":         sign(1, math.MinInt64, "thrd_1"),
	} {
		if _, err := threads.ParseCursor(token); err == nil {
			t.Errorf("ParseCursor of %s = nil error; want ErrInvalid", what)
		}
	}
	if _, err := threads.ParseCursor(sign(1, start.UnixMicro(), "thrd_1")); err != nil {
		t.Errorf("ParseCursor of the same made well = %v; want nil, or this test proves nothing", err)
	}
}

// sign makes a token by the documented form.
func sign(version byte, micros int64, id string) string {
	b := append(binary.BigEndian.AppendUint64([]byte{version}, uint64(micros)), id...)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return base64.RawURLEncoding.EncodeToString(b)
}

func TestCursorCompare(t *testing.T) {
	later := start.Add(time.Microsecond)
	sorted := []threads.Cursor{
		{}, {Time: start, ID: "B"}, {Time: start, ID: "a"}, {Time: start, ID: "aa"}, {Time: start, ID: "b"},
		{Time: start, ID: "\uffff"}, {Time: start, ID: "\U0001f9f5"}, // bytes, not UTF-16 units
		{Time: later, ID: "A"},
	}
	for i, a := range sorted {
		for j, b := range sorted {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = +1
			}
			if got := a.Compare(b); got != want {
				t.Errorf("%+v.Compare(%+v) = %d; want %d", a, b, got, want)
			}
		}
	}
	if !slices.IsSortedFunc(sorted, threads.Cursor.Compare) {
		t.Error("the list of this test is not sorted by Compare")
	}
}

// A cursor grants nothing: it is a place in the list of whoever uses it.
func TestCursorOfAnotherUser(t *testing.T) {
	f := newFixture(t)
	for _, id := range []string{"a1", "a2", "a3"} {
		f.create("ada", threads.Draft{ID: id})
		f.create("bob", threads.Draft{ID: "b" + id})
		f.clock.advance(time.Second)
	}
	place := f.get("bob", "ba2").Cursor()
	page, err := f.List(t.Context(), "ada", threads.Query{Scope: threads.All()}, threads.Paging{After: place})
	if err != nil {
		t.Fatal(err)
	}
	// a2 was made at the same time and its id comes first.
	if got, want := idsOf(page.Threads), []string{"a2", "a1"}; !equal(got, want) {
		t.Errorf("List(ada) after a cursor of bob = %q; want %q: only her own, from that place on", got, want)
	}
}

func idsOf(list []threads.Thread) []string {
	var ids []string
	for _, t := range list {
		ids = append(ids, t.ID)
	}
	return ids
}
