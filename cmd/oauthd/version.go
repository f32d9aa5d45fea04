package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is the version of this program; the README's "What changed" has an entry for it.
const release = "0.1.0"

// fullVersion is what --version prints: version, commit and Go version. The commit is that of the checkout the program
// was built in, as far as the Go toolchain recorded one.
func fullVersion() string {
	commit, changed := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = s.Value[:min(12, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = ", with changes"
			}
		}
	}
	return fmt.Sprintf("%s (commit %s%s, %s)", release, commit, changed, runtime.Version())
}
