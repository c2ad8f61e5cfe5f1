package bolt_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Some tests need a process of its own: to hold a lock, to be killed, to have
// its system calls fail, or because a mistake would end it. They run this
// binary again, in the role that is named in the environment.
const (
	roleVariable      = "SKEIN_TEST_ROLE"
	argumentsVariable = "SKEIN_TEST_ARGUMENTS"
)

// roles get their arguments, and talk on the standard streams.
var roles = map[string]func(ctx context.Context, decode func(any) error) error{
	"holder":  holder,
	"opener":  opener,
	"creator": creator,
	"damaged": damaged,
	"cut":     cut,

	"writer":    writer,
	"crowd":     crowd,
	"compactor": compactor,
	"eraser":    eraser,
}

func init() {
	role, ok := roles[os.Getenv(roleVariable)]
	if !ok {
		return
	}
	ended := make(chan error)
	go func() { // for this goroutine is bound to its thread, and strace counts by thread
		ended <- role(context.Background(), func(v any) error {
			return json.Unmarshal([]byte(os.Getenv(argumentsVariable)), v)
		})
	}()
	if err := <-ended; err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// deadline ends a process that hangs. It is far beyond what any takes.
const deadline = 5 * time.Minute

// process is this binary in a role.
type process struct {
	*exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr strings.Builder
}

// start runs this binary in a role, as the last arguments of the given
// command, if there is one.
func start(t *testing.T, role string, arguments any, command ...string) *process {
	t.Helper()
	return startAs(t, role, arguments, func(*process) {}, command...)
}

// startAs does so after a change to the command.
func startAs(t *testing.T, role string, arguments any, change func(*process), command ...string) *process {
	t.Helper()
	text, err := json.Marshal(arguments)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	self, err := os.Executable()
	require.NoError(t, err)
	command = append(command, self)
	p := &process{Cmd: exec.CommandContext(ctx, command[0], command[1:]...)}
	p.Env = append(os.Environ(), "GOTRACEBACK=crash", "GORACE=atexit_sleep_ms=0", roleVariable+"="+role, argumentsVariable+"="+string(text))
	p.Cancel = func() error { return p.Process.Signal(syscall.SIGQUIT) } // to see where it hangs
	p.WaitDelay = 10 * time.Second
	p.Stderr = &p.stderr
	p.in, err = p.StdinPipe()
	require.NoError(t, err)
	out, err := p.StdoutPipe()
	require.NoError(t, err)
	p.out = bufio.NewReader(out)
	change(p)
	require.NoError(t, p.Start())
	return p
}

// line returns the next line that the process says, or "" at its end.
func (p *process) line() string {
	line, _ := p.out.ReadString('\n')
	return strings.TrimSuffix(line, "\n")
}

func (p *process) say(t *testing.T, line string) {
	t.Helper()
	_, err := fmt.Fprintln(p.in, line)
	require.NoError(t, err)
}

// finish waits for the end of the process, and returns what else it said and
// how it ended.
func (p *process) finish() (lines []string, err error) {
	for line := p.line(); line != ""; line = p.line() {
		lines = append(lines, line)
	}
	if err := p.Wait(); err != nil {
		return lines, fmt.Errorf("%w\n%s", err, p.stderr.String())
	}
	return lines, nil
}
