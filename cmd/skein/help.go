package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// help prints what the program can do, or what the named command or commands
// can.
func help(about []string, out io.Writer) error {
	if len(about) == 0 {
		fmt.Fprintln(out, "Skein keeps conversation threads, and deletes all of a user's in one small step that can be undone.")
		return list(out, "")
	}
	if len(about) == 1 && len(group(about[0])) > 0 {
		return list(out, about[0]+" ")
	}
	c, rest, err := find(about)
	if err == nil {
		err = noArguments(rest)
	}
	if err != nil {
		return err
	}
	return c.help(out)
}

// list prints the commands whose names begin with prefix.
func list(out io.Writer, prefix string) error {
	fmt.Fprintln(out, "\nUsage: skein COMMAND [FLAGS]")
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for _, c := range commands() {
		if strings.HasPrefix(c.name, prefix) {
			fmt.Fprintf(table, "  %s\t%s\n", c.name, c.summary)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "\nFor the flags of one: skein COMMAND -h")
	return err
}

// help prints what the command does and its flags.
func (c command) help(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage: skein %s\n", c.summary, c.usage())
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.define(flags)
	first := true
	flags.VisitAll(func(f *flag.Flag) {
		if first {
			fmt.Fprint(&b, "\nFlags:\n")
			first = false
		}
		value, text := flag.UnquoteUsage(f)
		fmt.Fprintf(&b, "  --%s %s\n        %s\n", f.Name, value, text)
	})
	if c.about != "" {
		fmt.Fprintf(&b, "\n%s\n", c.about)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
