// Package role runs a test binary again, as a process of its own: to hold a
// lock, to be killed, to have its system calls fail, or because a mistake would
// end it.
package role

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
)

const (
	roleVariable      = "SKEIN_TEST_ROLE"
	argumentsVariable = "SKEIN_TEST_ARGUMENTS"
)

// A Role is what such a process does. It decodes its arguments, and talks on
// the standard streams.
type Role = func(ctx context.Context, decode func(any) error) error

// Play plays the role that the process was started in, and ends it; in any
// other process it does nothing. Call it from TestMain or init.
func Play(roles map[string]Role) {
	play, ok := roles[os.Getenv(roleVariable)]
	if !ok {
		return
	}
	ended := make(chan error)
	go func() { // for this goroutine is bound to its thread, and strace counts by thread
		ended <- play(context.Background(), func(v any) error {
			return json.Unmarshal([]byte(os.Getenv(argumentsVariable)), v)
		})
	}()
	if err := <-ended; err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Deadline ends a process that hangs. It is far beyond what any takes that is
// not given another.
const Deadline = 5 * time.Minute

// Process is this binary in a role.
type Process struct {
	*exec.Cmd
	In       io.WriteCloser // what the process is told
	Deadline time.Duration  // from its start; a change of the command may set it
	out      *bufio.Reader
	stderr   strings.Builder
}

// Start runs this binary in a role, as the last arguments of the given
// command, if there is one.
func Start(t *testing.T, name string, arguments any, command ...string) *Process {
	t.Helper()
	return StartAs(t, name, arguments, func(*Process) {}, command...)
}

// StartAs does so after a change to the command.
func StartAs(t *testing.T, name string, arguments any, change func(*Process), command ...string) *Process {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(arguments)
	must(err)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	self, err := os.Executable()
	must(err)
	command = append(command, self)
	p := &Process{Cmd: exec.CommandContext(ctx, command[0], command[1:]...), Deadline: Deadline} //nolint:gosec // a test says what it runs
	p.Env = append(os.Environ(), "GOTRACEBACK=crash", "GORACE=atexit_sleep_ms=0", roleVariable+"="+name, argumentsVariable+"="+string(text))
	p.Cancel = func() error { return p.Process.Signal(syscall.SIGQUIT) } // to see where it hangs
	p.WaitDelay = 10 * time.Second
	p.Stderr = &p.stderr
	p.In, err = p.StdinPipe()
	must(err)
	out, err := p.StdoutPipe()
	must(err)
	p.out = bufio.NewReader(out)
	change(p)
	timer := time.AfterFunc(p.Deadline, cancel)
	t.Cleanup(func() { timer.Stop() })
	must(p.Start())
	return p
}

// Line returns the next line that the process says, or "" at its end.
func (p *Process) Line() string {
	line, _ := p.out.ReadString('\n')
	return strings.TrimSuffix(line, "\n")
}

// Say tells the process a line.
func (p *Process) Say(t *testing.T, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(p.In, line); err != nil {
		t.Fatal(err)
	}
}

// Finish waits for the end of the process, and returns what else it said and
// how it ended.
func (p *Process) Finish() (lines []string, err error) {
	for line := p.Line(); line != ""; line = p.Line() {
		lines = append(lines, line)
	}
	if err := p.Wait(); err != nil {
		return lines, fmt.Errorf("%w\n%s", err, p.stderr.String())
	}
	return lines, nil
}
