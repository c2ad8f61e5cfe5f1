package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

var versionCommand = command{
	name:    "version",
	summary: "Print which build this is",
	define: func(*flag.FlagSet) action {
		return func(_ context.Context, args []string, out, _ io.Writer) error {
			if err := noArguments(args); err != nil {
				return err
			}
			_, err := fmt.Fprintln(out, version(debug.ReadBuildInfo()))
			return err
		}
	},
}

// version describes a build on one line, as far as it says of itself.
func version(info *debug.BuildInfo, ok bool) string {
	name, revision, modified := "(unknown)", "", ""
	if ok {
		name = info.Main.Version
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = ", revision " + s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = ", modified"
			}
		}
	}
	return fmt.Sprintf("skein %s%s%s, %s, %s/%s", name, revision, modified, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
