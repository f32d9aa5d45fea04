package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is the version of this program; the README's "What changed" has an entry for it.
const release = "0.1.0"

// buildFacts is what is known about this program. The commit is that of the checkout the program was built in, as far as the
// Go toolchain recorded one.
type buildFacts struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Changed bool   `json:"changed"` // the checkout had changes that are not in the commit
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func thisBuild() buildFacts {
	b := buildFacts{Version: release, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Commit = s.Value
			case "vcs.modified":
				b.Changed = s.Value == "true"
			}
		}
	}
	return b
}

// fullVersion is what --version prints: version, commit and Go version.
func fullVersion() string {
	b := thisBuild()
	commit, changed := "unknown", ""
	if b.Commit != "" {
		commit = b.Commit[:min(12, len(b.Commit))]
	}
	if b.Changed {
		changed = ", with changes"
	}
	return fmt.Sprintf("%s (commit %s%s, %s)", b.Version, commit, changed, b.Go)
}
