package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// command is one thing the program can do.
type command struct {
	name     string // what a person types: "serve", "keys add"
	synopsis string // what comes after the name
	summary  string // one line on what it does
	about    string // what else a person should know; may be empty

	// define declares the flags and returns the command, to be run once
	// they have been parsed.
	define func(flags *flag.FlagSet) action
}

// action runs a command on the arguments that are not flags. It writes its
// result to out, and to errOut what is not part of the result.
type action func(ctx context.Context, args []string, out, errOut io.Writer) error

// commands returns every command but help, in the order of help.
func commands() []command {
	return []command{demoCommand, serveCommand, keysAddCommand, keysListCommand, keysRevokeCommand, versionCommand}
}

// usageError is a mistake in how the program was called. Its text says what
// is wrong and what would be right.
type usageError struct {
	text    string
	command *command // the one that was called wrongly; nil: it is not clear which
}

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

// The exit codes.
const (
	exitSuccess = 0
	exitFailure = 1
	exitUsage   = 2
)

// run is the program but for the process around it. It returns the exit code.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	err := dispatch(ctx, args, out, errOut)
	if err == nil {
		return exitSuccess
	}
	fmt.Fprintf(errOut, "skein: %v\n", err)
	var usage *usageError
	if !errors.As(err, &usage) {
		return exitFailure
	}
	if usage.command == nil {
		fmt.Fprintln(errOut, "Usage: skein COMMAND [FLAGS]\nFor the commands: skein help")
	} else {
		fmt.Fprintf(errOut, "Usage: skein %s\nFor more: skein %s -h\n", usage.command.usage(), usage.command.name)
	}
	return exitUsage
}

// dispatch finds the command that the arguments name, and runs it.
func dispatch(ctx context.Context, args []string, out, errOut io.Writer) error {
	if len(args) == 0 {
		return usagef("a command is missing")
	}
	switch args[0] {
	case "-h", "-help", "--help":
		return help(nil, out)
	case "help":
		return help(args[1:], out)
	case "-version", "--version":
		args = append([]string{"version"}, args[1:]...)
	}
	if len(args) > 1 && slices.Contains([]string{"-h", "-help", "--help"}, args[1]) {
		return help(args[:1], out)
	}
	c, rest, err := find(args)
	if err != nil {
		return err
	}
	return c.run(ctx, rest, out, errOut)
}

// run parses the flags and runs the command. Flags and other arguments may
// come in any order.
func (c command) run(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // its errors are returned, and help is ours
	act := c.define(flags)
	var rest []string
	for {
		switch err := flags.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return c.help(out)
		case err != nil:
			return c.mark(usagef("%v", err))
		}
		if flags.NArg() == 0 {
			break
		}
		rest = append(rest, flags.Arg(0))
		args = flags.Args()[1:]
	}
	return c.mark(act(ctx, rest, out, errOut))
}

// mark says in which command err arose.
func (c command) mark(err error) error {
	if err == nil {
		return nil
	}
	var usage *usageError
	if errors.As(err, &usage) {
		return &usageError{text: c.name + ": " + usage.text, command: &c}
	}
	return fmt.Errorf("%s: %w", c.name, err)
}

func (c command) usage() string { return strings.TrimSpace(c.name + " " + c.synopsis) }

// find returns the command that args begin with, and the arguments after it.
func find(args []string) (command, []string, error) {
	for n := min(2, len(args)); n > 0; n-- {
		name := strings.Join(args[:n], " ")
		for _, c := range commands() {
			if c.name == name {
				return c, args[n:], nil
			}
		}
	}
	members := group(args[0])
	switch {
	case len(members) == 0:
		return command{}, nil, usagef("unknown command %q", args[0])
	case len(args) == 1:
		return command{}, nil, usagef("%s: one of %s is missing", args[0], strings.Join(members, ", "))
	default:
		return command{}, nil, usagef("%s: unknown command %q; there are %s", args[0], args[1], strings.Join(members, ", "))
	}
}

// group returns the second words of the commands that begin with that word.
func group(first string) []string {
	var members []string
	for _, c := range commands() {
		if second, ok := strings.CutPrefix(c.name, first+" "); ok {
			members = append(members, second)
		}
	}
	return members
}

// noArguments refuses arguments that are not flags.
func noArguments(args []string) error {
	if len(args) > 0 {
		return usagef("unexpected argument %q", args[0])
	}
	return nil
}
