package powercut_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/internal/role"
	"github.com/skein-go/skein/lab/powercut"
)

// A test runs this binary again, to be killed.
func init() {
	role.Play(map[string]role.Role{"writer": func(_ context.Context, decode func(any) error) error {
		var path string
		if err := decode(&path); err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		for i, text := range []string{"1", "2", "3"} {
			if _, err := f.WriteAt([]byte(text), int64(i)); err != nil {
				return err
			}
			_ = f.Sync() // it may fail
		}
		return f.Close()
	}})
}

// mounted mounts a disk for the time of the test.
func mounted(t *testing.T, d *powercut.Disk) (dir string) {
	t.Helper()
	dir = t.TempDir()
	unmount, err := d.Mount(dir)
	require.NoError(t, err, "it takes root and /dev/fuse")
	t.Cleanup(func() { require.NoError(t, unmount()) })
	return dir
}

// now is the disk after all that was done.
func now(d *powercut.Disk, c powercut.Chance) powercut.Image {
	r := d.Replay()
	for _, ok := r.Next(); ok; _, ok = r.Next() {
	}
	return r.Cut(c, rand.New(rand.NewPCG(1, 1)))
}

func create(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func put(t *testing.T, f *os.File, text string, at int64) {
	t.Helper()
	_, err := f.WriteAt([]byte(text), at)
	require.NoError(t, err)
}

func syncDir(t *testing.T, dir string) {
	t.Helper()
	d, err := os.Open(dir)
	require.NoError(t, err)
	require.NoError(t, d.Sync())
	require.NoError(t, d.Close())
}

func TestWhatIsSyncedStays(t *testing.T) {
	var d powercut.Disk
	dir := mounted(t, &d)
	f := create(t, filepath.Join(dir, "a"))
	put(t, f, "one", 0)
	require.NoError(t, f.Sync())
	assert.Empty(t, now(&d, powercut.None), "the name is not durable")
	assert.Equal(t, powercut.Image{"a": []byte("one")}, now(&d, powercut.All))
	syncDir(t, dir)
	assert.Equal(t, powercut.Image{"a": []byte("one")}, now(&d, powercut.None))
	put(t, f, "two", 3)
	b, err := os.ReadFile(filepath.Join(dir, "a"))
	require.NoError(t, err)
	assert.Equal(t, "onetwo", string(b), "the program sees what it wrote")
	assert.Equal(t, powercut.Image{"a": []byte("one")}, now(&d, powercut.None))
	require.NoError(t, f.Truncate(1))
	assert.Equal(t, powercut.Image{"a": []byte("one")}, now(&d, powercut.None))
	assert.Equal(t, powercut.Image{"a": []byte("o")}, now(&d, powercut.All))
	require.NoError(t, syscall.Fdatasync(int(f.Fd())))
	assert.Equal(t, powercut.Image{"a": []byte("o")}, now(&d, powercut.None))
}

func TestAWriteIsTornBetweenSectorsAlone(t *testing.T) {
	var d powercut.Disk
	dir := mounted(t, &d)
	f := create(t, filepath.Join(dir, "a"))
	put(t, f, string(bytes.Repeat([]byte("."), 4096)), 0)
	require.NoError(t, f.Sync())
	syncDir(t, dir)
	put(t, f, string(bytes.Repeat([]byte("x"), 4000)), 10)
	r := d.Replay()
	for _, ok := r.Next(); ok; _, ok = r.Next() {
	}
	random := rand.New(rand.NewPCG(1, 1))
	seen := map[byte]int{}
	for range 20 {
		b := r.Cut(powercut.Some, random)["a"]
		require.Len(t, b, 4096)
		for at := 0; at < len(b); at += 512 {
			part := b[max(at, 10):min(at+512, 4010)]
			require.Equal(t, len(part), bytes.Count(part, part[:1]), "the sector at %d is torn", at)
			seen[part[0]]++
		}
		require.Equal(t, "..........", string(b[:10]))
	}
	assert.Positive(t, seen['.'])
	assert.Positive(t, seen['x'])
}

func TestNamesAreDurableInTheirOrder(t *testing.T) {
	var d powercut.Disk
	dir := mounted(t, &d)
	old, fresh := filepath.Join(dir, "old"), filepath.Join(dir, "fresh")
	f := create(t, old)
	put(t, f, "old", 0)
	require.NoError(t, f.Sync())
	syncDir(t, dir)
	f = create(t, fresh)
	put(t, f, "fresh", 0)
	require.NoError(t, f.Sync())
	require.NoError(t, os.Link(fresh, filepath.Join(dir, "second")))
	require.NoError(t, os.Rename(fresh, old))
	require.NoError(t, os.Remove(filepath.Join(dir, "second")))
	b, err := os.ReadFile(old)
	require.NoError(t, err)
	assert.Equal(t, "fresh", string(b))
	r := d.Replay()
	for _, ok := r.Next(); ok; _, ok = r.Next() {
	}
	legal := []powercut.Image{
		{"old": []byte("old")},
		{"old": []byte("old"), "fresh": []byte("fresh")},
		{"old": []byte("old"), "fresh": []byte("fresh"), "second": []byte("fresh")},
		{"old": []byte("fresh"), "second": []byte("fresh")},
		{"old": []byte("fresh")},
	}
	seen := map[int]bool{}
	random := rand.New(rand.NewPCG(1, 1))
	for range 60 {
		image := r.Cut(powercut.Some, random)
		require.Contains(t, legal, image)
		for i, l := range legal {
			if assert.ObjectsAreEqual(l, image) {
				seen[i] = true
			}
		}
	}
	assert.Len(t, seen, len(legal))
	syncDir(t, dir)
	assert.Equal(t, powercut.Image{"old": []byte("fresh")}, now(&d, powercut.None))
}

func TestASyncThatFailsLosesWhatItShouldHaveKept(t *testing.T) {
	d := powercut.Disk{FailSync: 2}
	dir := mounted(t, &d)
	f := create(t, filepath.Join(dir, "a"))
	put(t, f, "one", 0)
	require.NoError(t, f.Sync())
	syncDir(t, dir)
	put(t, f, "two", 0)
	require.ErrorIs(t, f.Sync(), syscall.EIO)
	require.NoError(t, f.Sync(), "the error is told once")
	b := make([]byte, 3)
	_, err := f.ReadAt(b, 0)
	require.NoError(t, err)
	assert.Equal(t, "two", string(b), "the program sees what is not there")
	assert.Equal(t, powercut.Image{"a": []byte("one")}, now(&d, powercut.All))
	assert.Equal(t, 3, d.Syncs())
}

func TestSyncsThatFailInARow(t *testing.T) {
	d := powercut.Disk{FailSync: 2, Fails: 2}
	f := create(t, filepath.Join(mounted(t, &d), "a"))
	var failed []bool
	for range 4 {
		failed = append(failed, f.Sync() != nil)
	}
	assert.Equal(t, []bool{false, true, true, false}, failed)
}

// TestAProcessIsKilledAtItsSync has another process write and sync three
// times, and die at the second.
func TestAProcessIsKilledAtItsSync(t *testing.T) {
	for name, test := range map[string]struct {
		fail      int
		none, all string
	}{
		"killed before it":             {0, "1", "12"},
		"killed when it has failed":    {2, "1", "1"},
		"killed after one that failed": {1, "", "\x002"},
	} {
		t.Run(name, func(t *testing.T) {
			d := powercut.Disk{FailSync: test.fail, KillSync: 2}
			dir := mounted(t, &d)
			path := filepath.Join(dir, "a")
			create(t, path)
			syncDir(t, dir)
			_, err := role.Start(t, "writer", path).Finish()
			require.ErrorContains(t, err, "killed")
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, "12", string(b), "the next process sees what is not there")
			assert.Equal(t, powercut.Image{"a": []byte(test.all)}, now(&d, powercut.All))
			assert.Equal(t, test.none, string(now(&d, powercut.None)["a"]))
			require.NoError(t, create(t, path).Sync(), "nobody else is killed")
		})
	}
}

func TestSyncsOfAFilesBeginning(t *testing.T) {
	var d powercut.Disk
	f := create(t, filepath.Join(mounted(t, &d), "a"))
	for _, at := range []int64{0, 100, 8, -1, 95} {
		if at >= 0 {
			put(t, f, "12345", at)
		}
		require.NoError(t, f.Sync())
	}
	put(t, f, "12345", 0)
	assert.Equal(t, []int{1, 3, 5}, d.SyncsBefore(100))
}

func TestADiskThatLies(t *testing.T) {
	d := powercut.Disk{Lies: true}
	dir := mounted(t, &d)
	f := create(t, filepath.Join(dir, "a"))
	put(t, f, "one", 0)
	require.NoError(t, f.Sync())
	syncDir(t, dir)
	assert.Empty(t, now(&d, powercut.None))
	assert.Equal(t, powercut.Image{"a": []byte("one")}, now(&d, powercut.All))
}

func TestMarksHaveTheirPlaceInTheLog(t *testing.T) {
	var d powercut.Disk
	dir := mounted(t, &d)
	marks := create(t, filepath.Join(dir, powercut.MarkFile))
	f := create(t, filepath.Join(dir, "a"))
	syncDir(t, dir)
	for _, text := range []string{"one", "two"} {
		put(t, f, text, 0)
		require.NoError(t, f.Sync())
		_, err := marks.WriteString(text + "\n")
		require.NoError(t, err)
	}
	r, marked := d.Replay(), 0
	for mark, ok := r.Next(); ok; mark, ok = r.Next() {
		if mark != "" {
			marked++
			assert.Equal(t, powercut.Image{"a": []byte(mark)}, r.Cut(powercut.None, nil))
		}
	}
	assert.Equal(t, 2, marked)
}

// TestAMapSeesWrites, for bbolt reads through one.
func TestAMapSeesWrites(t *testing.T) {
	var d powercut.Disk
	f := create(t, filepath.Join(mounted(t, &d), "a"))
	require.NoError(t, f.Truncate(8192))
	m, err := syscall.Mmap(int(f.Fd()), 0, 8192, syscall.PROT_READ, syscall.MAP_SHARED)
	require.NoError(t, err)
	defer func() { require.NoError(t, syscall.Munmap(m)) }()
	for _, text := range []string{"one", "two"} {
		put(t, f, text, 5000)
		assert.Equal(t, text, string(m[5000:5003]))
	}
}
