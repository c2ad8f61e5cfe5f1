package powercut

import (
	"context"
	"strings"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// MarkFile is a name under which nothing is kept: each write to it is a mark
// in the log.
const MarkFile = "MARKS"

// Mount mounts the disk, empty, at a directory, and returns what unmounts it.
// It needs root, and no helper program.
//
// The kernel keeps pages for reads and maps, but hands each write on at once.
func (d *Disk) Mount(dir string) (unmount func() error, err error) {
	server, err := fs.Mount(dir, &root{disk: d}, &fs.Options{
		MountOptions: fuse.MountOptions{
			DirectMountStrict: true, DisableXAttrs: true, FsName: "powercut", Name: "powercut", MaxWrite: 1 << 20,
		},
	})
	if err != nil {
		return nil, err
	}
	return server.Unmount, nil
}

// root is the directory.
type root struct {
	fs.Inode
	disk *Disk
}

var (
	_ fs.NodeCreater   = (*root)(nil)
	_ fs.NodeLinker    = (*root)(nil)
	_ fs.NodeUnlinker  = (*root)(nil)
	_ fs.NodeRenamer   = (*root)(nil)
	_ fs.NodeFsyncer   = (*root)(nil)
	_ fs.NodeGetattrer = (*root)(nil)
)

func (r *root) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode = syscall.S_IFDIR | 0o700
	return 0
}

func (r *root) Create(ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	n := &node{disk: r.disk, mode: mode & 0o7777, marks: name == MarkFile}
	if !n.marks {
		n.number = r.disk.newFile()
		r.disk.add(op{kind: opLink, file: n.number, name: name})
	}
	n.attributes(&out.Attr)
	// It stays, whether or not a process has it open.
	return r.NewPersistentInode(ctx, n, fs.StableAttr{Mode: syscall.S_IFREG}), nil, 0, 0
}

func (r *root) Link(_ context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	n, ok := target.(*node)
	if !ok {
		return nil, syscall.EPERM
	}
	r.disk.add(op{kind: opLink, file: n.number, name: name})
	n.attributes(&out.Attr)
	return target.EmbeddedInode(), 0
}

func (r *root) Unlink(_ context.Context, name string) syscall.Errno {
	r.disk.add(op{kind: opUnlink, name: name})
	return 0
}

func (r *root) Rename(_ context.Context, name string, _ fs.InodeEmbedder, to string, flags uint32) syscall.Errno {
	if flags != 0 {
		return syscall.EINVAL
	}
	r.disk.add(op{kind: opRename, name: name, to: to})
	return 0
}

func (r *root) Fsync(ctx context.Context, _ fs.FileHandle, _ uint32) syscall.Errno {
	return r.disk.sync(caller(ctx), op{kind: opSyncDir})
}

// node is a file, as programs see it.
type node struct {
	fs.Inode
	disk   *Disk
	number int
	marks  bool

	mu   sync.Mutex
	data []byte
	mode uint32
}

var (
	_ fs.NodeGetattrer = (*node)(nil)
	_ fs.NodeSetattrer = (*node)(nil)
	_ fs.NodeOpener    = (*node)(nil)
	_ fs.NodeReader    = (*node)(nil)
	_ fs.NodeWriter    = (*node)(nil)
	_ fs.NodeFsyncer   = (*node)(nil)
	_ fs.NodeFlusher   = (*node)(nil)
)

func (n *node) attributes(out *fuse.Attr) {
	out.Mode = syscall.S_IFREG | n.mode
	out.Size = uint64(len(n.data))
	out.Blocks = (out.Size + 511) / 512
	out.Nlink = 1
}

func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.attributes(&out.Attr)
	return 0
}

func (n *node) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	n.mu.Lock()
	defer n.mu.Unlock()
	if mode, ok := in.GetMode(); ok {
		n.mode = mode & 0o7777
	}
	if size, ok := in.GetSize(); ok {
		n.do(op{kind: opTruncate, at: int64(size)})
	}
	n.attributes(&out.Attr)
	return 0
}

// do changes the content and logs it. The lock is held, so that the log has
// the order of the changes.
func (n *node) do(o op) {
	o.file = n.number
	n.data = o.apply(n.data)
	n.disk.add(o)
}

func (n *node) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) { return nil, 0, 0 }

func (n *node) Flush(context.Context, fs.FileHandle) syscall.Errno { return 0 }

func (n *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, at int64) (fuse.ReadResult, syscall.Errno) {
	n.mu.Lock()
	defer n.mu.Unlock()
	read := 0
	if at < int64(len(n.data)) {
		read = copy(dest, n.data[at:])
	}
	return fuse.ReadResultData(dest[:read]), 0
}

func (n *node) Write(_ context.Context, _ fs.FileHandle, data []byte, at int64) (uint32, syscall.Errno) {
	if n.marks {
		n.disk.add(op{kind: opMark, name: strings.TrimSuffix(string(data), "\n")})
		return uint32(len(data)), 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.do(op{kind: opWrite, at: at, data: append([]byte(nil), data...)})
	return uint32(len(data)), 0
}

func (n *node) Fsync(ctx context.Context, _ fs.FileHandle, _ uint32) syscall.Errno {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.disk.sync(caller(ctx), op{kind: opSync, file: n.number})
}

// caller is the process that has made a call.
func caller(ctx context.Context) int {
	c, ok := fuse.FromContext(ctx)
	if !ok {
		panic("a call without a caller")
	}
	return int(c.Pid)
}
