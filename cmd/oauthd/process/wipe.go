package process

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// The memory of what Go has freed keeps its content until something else needs it, and secrets pass through many hands:
// JSON, HTTP and TLS copy them. So the daemon runs with the setting by which the collector overwrites what it frees
// (package runtime, "GODEBUG"). Then what nobody refers to any more is gone after a collection, whoever made the copy.
//
// The signals by which the runtime preempts goroutines put the registers of a thread into its signal stack, where they stay
// until the next one, and a copy that is just being made is in them. So the daemon, which has no long loops, does without.

// overwriteFreed are these settings.
const overwriteFreed = "clobberfree=1,asyncpreemptoff=1"

// Overwriting returns environ with the setting; done is true if it was there already.
func Overwriting(environ []string) (with []string, done bool) {
	const name = "GODEBUG="
	setting := name + overwriteFreed
	for _, entry := range environ {
		value, ok := strings.CutPrefix(entry, name)
		if !ok {
			with = append(with, entry)
			continue
		}
		if strings.Contains(value, "clobberfree=") { // a person who says otherwise is obeyed
			return environ, true
		}
		setting = name + value + "," + overwriteFreed
	}
	return append(with, setting), false
}

// StartOverwriting makes the process a daemon that overwrites what it frees. The runtime reads the setting only at its
// start, so that the program is started again, as the same process, unless it was started by one that knew.
func StartOverwriting() {
	environ, done := Overwriting(os.Environ())
	if done {
		return
	}
	if self, err := os.Executable(); err == nil {
		StartAnew(self, os.Args, environ)
	}
}

// Wipe overwrites everything that the process holds and does not use.
func Wipe() {
	runtime.GC() // what a pool holds goes with the second collection
	debug.FreeOSMemory()
}
