package bolt

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"

	"github.com/skein-go/skein/threads"
)

// bbolt holds of a page only that its number and type are what they should
// be. A flipped bit elsewhere in its frame hides entries, leads a search
// astray, sends it round in circles until the stack overflows (which no
// recover can catch), or frees a page that is in use. So what bbolt leaves out
// is looked at here, before bbolt uses the pages:
//
//   - The elements of a page lie one after the other, right after the table of
//     them, and end within the page: that ties every count, position and size
//     to the others.
//   - Their keys are in order, the first is the one that the branch above them
//     has (bbolt finds by it what to replace there), and the last is before the
//     next one of that.
//   - Every page is in use once: by one branch, as the overflow of one page, or
//     by the free list, which openFile has kept in the file.
//
// What remains are the bytes of keys and values. Those have seals.

const (
	pageHeader = 16 // number 8, flags 2, count 2, overflow 4
	elemSize   = 16 // leaf: flags 4, position 4, key size 4, value size 4; branch: position 4, key size 4, page 8

	branchFlag   = 0x01
	leafFlag     = 0x02
	freelistFlag = 0x10

	bucketFlag   = 0x01 // of a leaf's element: the value is a bucket
	bucketHeader = 16   // root page 8, or 0 if a page follows in the value; sequence 8
)

// metaPage is what is of interest in one of the two pages that say where the
// others are.
type metaPage struct {
	root, freelist, pages, txid uint64
}

// pages is a walk over the pages of one state of the database.
type pages struct {
	ctx    context.Context
	file   io.ReaderAt
	size   int64
	used   []bool // by number
	leaves []child
}

// child is a page to be looked at, and the keys of the branch around it.
type child struct {
	page      uint64
	low, high []byte // low is the first key, and all are before high; nil: not known
}

// maxLeaves is the most leaves that are gathered, so as to be read in the
// order of the file.
const maxLeaves = 1 << 16

// verifyPages looks at every page of the state that the transaction with that
// id sees, which must stay open.
func verifyPages(ctx context.Context, file io.ReaderAt, size int64, txid uint64) error {
	meta, err := readMeta(file, size, txid)
	if err != nil {
		return err
	}
	p := &pages{ctx: ctx, file: file, size: size, used: make([]bool, meta.pages)}
	p.used[0], p.used[1] = true, true
	if err := p.freelist(meta.freelist); err != nil {
		return err
	}
	if err := p.tree(meta.root); err != nil {
		return err
	}
	if page := slices.Index(p.used, false); page >= 0 {
		return damaged(uint64(page), "is neither in use nor free: a part of the tree is missing")
	}
	return nil
}

func damaged(page uint64, format string, args ...any) error {
	return fmt.Errorf("%w: page %d %s", threads.ErrCorrupt, page, fmt.Sprintf(format, args...))
}

var order = binary.NativeEndian // as bbolt writes

// readMeta reads the meta page of that transaction. Both meta pages must be
// whole: a commit writes its one in a single sector, so a broken one is no
// trace of a crash, and may have been the last.
func readMeta(file io.ReaderAt, size int64, txid uint64) (found metaPage, err error) {
	seen := false
	for n := range uint64(2) {
		b := make([]byte, pageHeader+64)
		if _, err := file.ReadAt(b, int64(n)*size); err != nil {
			return found, unreadable(n, err)
		}
		m := b[pageHeader:]
		h := fnv.New64a()
		_, _ = h.Write(m[:56])
		if h.Sum64() != order.Uint64(m[56:]) {
			return found, fmt.Errorf("%w, %w", damaged(n, "is damaged"), errMeta)
		}
		if id := order.Uint64(m[48:]); id == txid {
			found, seen = metaPage{root: order.Uint64(m[16:]), freelist: order.Uint64(m[32:]), pages: order.Uint64(m[40:]), txid: id}, true
		}
	}
	if !seen {
		return found, fmt.Errorf("%w: there is no meta page of transaction %d, %w", threads.ErrCorrupt, txid, errMeta)
	}
	return found, nil
}

var errMeta = errors.New("one of two that name the last commits; the last may be missing without it")

func unreadable(page uint64, err error) error {
	if errors.Is(err, io.EOF) {
		return damaged(page, "is beyond the end of the file")
	}
	return fmt.Errorf("%w: page %d cannot be read: %w", threads.ErrCorrupt, page, err)
}

// claim marks pages as used.
func (p *pages) claim(first, n uint64) error {
	for page := first; page < first+n; page++ {
		switch {
		case page < 2 || page >= uint64(len(p.used)):
			return damaged(page, "is in use, and there is no such page")
		case p.used[page]:
			return damaged(page, "is in use twice")
		}
		p.used[page] = true
	}
	return nil
}

// read reads a page with its overflow, into the buffer if there is room.
func (p *pages) read(page uint64, b []byte) ([]byte, error) {
	if err := p.ctx.Err(); err != nil {
		return nil, err
	}
	if err := p.claim(page, 1); err != nil {
		return nil, err
	}
	b = append(b[:0], make([]byte, p.size)...)
	if _, err := p.file.ReadAt(b, int64(page)*p.size); err != nil {
		return nil, unreadable(page, err)
	}
	if id := order.Uint64(b); id != page {
		return nil, damaged(page, "says that it is page %d", id)
	}
	overflow := uint64(order.Uint32(b[12:]))
	if overflow == 0 {
		return b, nil
	}
	if err := p.claim(page+1, overflow); err != nil {
		return nil, err
	}
	b = append(b, make([]byte, overflow*uint64(p.size))...)
	if _, err := p.file.ReadAt(b[p.size:], int64(page+1)*p.size); err != nil {
		return nil, unreadable(page, err)
	}
	return b, nil
}

func (p *pages) freelist(page uint64) error {
	b, err := p.read(page, nil)
	if err != nil {
		return err
	}
	if flags := order.Uint16(b[8:]); flags != freelistFlag {
		return damaged(page, "should be the free list, and has flags %#x", flags)
	}
	n, ids := uint64(order.Uint16(b[10:])), b[pageHeader:]
	if n == 0xFFFF { // and the count comes first
		n, ids = order.Uint64(ids), ids[8:]
	}
	if n > uint64(len(ids)/8) {
		return damaged(page, "lists %d free pages, and has no room for them", n)
	}
	for i := range n {
		if err := p.claim(order.Uint64(ids[8*i:]), 1); err != nil {
			return err
		}
	}
	return nil
}

// tree looks at the tree below a root, and at those of the buckets in it.
func (p *pages) tree(root uint64) error {
	b, err := p.read(root, nil)
	if err != nil {
		return err
	}
	if err := p.page(child{page: root}, b); err != nil {
		return err
	}
	return p.flush()
}

// page looks at one page that was read, and at the branches below it; leaves
// it leaves to flush.
func (p *pages) page(c child, b []byte) error {
	switch flags := order.Uint16(b[8:]); flags {
	case leafFlag:
		return p.leaf(c, b)
	case branchFlag:
		return p.branch(c, b)
	default:
		return damaged(c.page, "should be part of a tree, and has flags %#x", flags)
	}
}

func (p *pages) branch(c child, b []byte) error {
	var children []child
	if err := p.frame(c, b, func(elem, key, _ []byte) error {
		children = append(children, child{page: order.Uint64(elem[8:]), low: key})
		return nil
	}); err != nil {
		return err
	}
	if len(children) == 0 {
		return damaged(c.page, "is a branch without a child")
	}
	for i := range children {
		children[i].high = c.high
		if i+1 < len(children) {
			children[i].high = children[i+1].low
		}
	}
	// All children of a branch are of one kind.
	first, err := p.read(children[0].page, nil)
	if err != nil {
		return err
	}
	if order.Uint16(first[8:]) == leafFlag {
		if err := p.leaf(children[0], first); err != nil {
			return err
		}
		if p.leaves = append(p.leaves, children[1:]...); len(p.leaves) >= maxLeaves {
			return p.flush()
		}
		return nil
	}
	if err := p.page(children[0], first); err != nil {
		return err
	}
	for _, next := range children[1:] {
		b, err := p.read(next.page, nil)
		if err != nil {
			return err
		}
		if err := p.page(next, b); err != nil {
			return err
		}
	}
	return nil
}

// flush looks at the leaves that were gathered.
func (p *pages) flush() error {
	leaves := p.leaves
	p.leaves = nil
	slices.SortFunc(leaves, func(a, b child) int { return cmp.Compare(a.page, b.page) })
	var b []byte
	for _, c := range leaves {
		var err error
		if b, err = p.read(c.page, b); err != nil {
			return err
		}
		if flags := order.Uint16(b[8:]); flags != leafFlag {
			return damaged(c.page, "should be a leaf, and has flags %#x", flags)
		}
		if err := p.leaf(c, b); err != nil {
			return err
		}
	}
	return nil
}

func (p *pages) leaf(c child, b []byte) error {
	return p.frame(c, b, func(elem, _, value []byte) error {
		switch flags := order.Uint32(elem); {
		case flags == 0:
			return nil
		case flags != bucketFlag:
			return damaged(c.page, "has an element with flags %#x", flags)
		case len(value) < bucketHeader:
			return damaged(c.page, "has a bucket without a root")
		}
		if root := order.Uint64(value); root != 0 {
			return p.tree(root)
		}
		inline := value[bucketHeader:]
		if len(inline) < pageHeader || order.Uint64(inline) != 0 || order.Uint16(inline[8:]) != leafFlag || order.Uint32(inline[12:]) != 0 {
			return damaged(c.page, "has a bucket that is no leaf")
		}
		return p.leaf(child{page: c.page}, inline)
	})
}

// frame holds that the elements of a page lie and are ordered as they should,
// and visits them.
func (p *pages) frame(c child, b []byte, visit func(elem, key, value []byte) error) error {
	count := int(order.Uint16(b[10:]))
	at := pageHeader + count*elemSize // where the bytes of the next element are
	if at > len(b) {
		return damaged(c.page, "counts %d elements, and has no room for them", count)
	}
	if count == 0 && c.low != nil {
		return damaged(c.page, "counts no element, and the branch above it has its first")
	}
	if count == 0 && len(bytes.Trim(b[at:min(len(b), at+elemSize)], "\x00")) > 0 {
		return damaged(c.page, "counts no element, and has some")
	}
	leaf := order.Uint16(b[8:]) == leafFlag
	last, first := c.low, true
	for i := range count {
		start := pageHeader + i*elemSize
		elem := b[start:][:elemSize]
		position, keySize, valueSize := order.Uint32(elem), order.Uint32(elem[4:]), uint32(0)
		if leaf {
			position, keySize, valueSize = order.Uint32(elem[4:]), order.Uint32(elem[8:]), order.Uint32(elem[12:])
		}
		if int64(start)+int64(position) != int64(at) || keySize == 0 || int64(at)+int64(keySize)+int64(valueSize) > int64(len(b)) {
			return damaged(c.page, "has an element %d that is not where it should be", i)
		}
		key := b[at:][:keySize:keySize]
		value := b[at+int(keySize):][:valueSize:valueSize]
		at += int(keySize) + int(valueSize)
		step := bytes.Compare(last, key)
		if first && c.low != nil && step != 0 {
			return damaged(c.page, "begins with another key than the branch above it says")
		}
		if step > 0 || step == 0 && !first || c.high != nil && bytes.Compare(key, c.high) >= 0 {
			return damaged(c.page, "has an element %d whose key is out of order", i)
		}
		last, first = key, false
		if err := visit(elem, key, value); err != nil {
			return err
		}
	}
	return nil
}
