package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"oauthd/ipc/api"
)

// otherTerminal reports whether a program of this user runs in a terminal that caller has no part in: there, a person can
// run oauthd approve.
func otherTerminal(caller api.Evidence) bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return true
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if _, wrong := strconv.Atoi(entry.Name()); wrong != nil || err != nil {
			continue
		}
		if s, ok := info.Sys().(*syscall.Stat_t); !ok || int(s.Uid) != os.Getuid() {
			continue
		}
		text, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		_, after, ok := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
		fields := strings.Fields(after)
		if err != nil || !ok || len(fields) < 5 {
			continue
		}
		if tty, err := strconv.Atoi(fields[4]); err == nil && tty != 0 && tty != caller.TTY {
			return true
		}
	}
	return false
}
