package bolt

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/skein-go/skein/threads"
)

// panicError is a panic, or a fault of the memory map, turned into an error.
// bbolt panics on pages that make no sense, and a file cut short while it is
// mapped raises SIGBUS, which would end the process.
type panicError struct {
	value any
	where string
}

func (e *panicError) Error() string {
	return fmt.Sprintf("%v: the file made the engine fail: %v (in %s)", threads.ErrCorrupt, e.value, e.where)
}

func (e *panicError) Unwrap() error { return threads.ErrCorrupt }

func isPanic(err error) bool {
	var p *panicError
	return errors.As(err, &p)
}

// guard runs f and returns a panic or fault in it as an [threads.ErrCorrupt].
// It cannot catch what happens in other goroutines, so nothing that bbolt does
// in goroutines of its own (its Check, its scan for free pages) is used.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, where: origin()}
		}
	}()
	return f()
}

// origin names the function that panicked, for the error.
func origin() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") || !more {
			return fmt.Sprintf("%s:%d", f.Function, f.Line)
		}
	}
}

// classify gives errors of bbolt and of the system their class, if they have
// one.
func classify(err error) error {
	if class := classOf(err); class != nil {
		return fmt.Errorf("%w: %w", class, err)
	}
	return err
}

func classOf(err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return threads.ErrLocked
	case errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		return threads.ErrClosed
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return threads.ErrCorrupt
	case isFull(err):
		return threads.ErrFull
	}
	return nil
}

// errDiskFull is what Windows says where others say ENOSPC.
const errDiskFull = syscall.Errno(112)

// isFull reports whether there was no room to write.
func isFull(err error) bool {
	return errors.Is(err, bolterrors.ErrMaxSizeReached) || errors.Is(err, syscall.ENOSPC) ||
		errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) ||
		runtime.GOOS == "windows" && errors.Is(err, errDiskFull)
}
