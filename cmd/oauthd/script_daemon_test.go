package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a script waits for anything: a safety net, far above what a slow machine needs.
const patience = 30 * time.Second

// poll asks done until it says so or patience is over, and then returns false.
func poll(done func() bool) bool {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			return done()
		}
	}
	return true
}

// endDaemons ends the daemons that a script has left, by the pid in their lock files, and returns an error when one is
// still there.
func endDaemons(workDir, runtimeDir string) error {
	locks := []string{
		filepath.Join(runtimeDir, "oauthd", "oauthd.lock"), // memory store
		filepath.Join(workDir, "state", "oauthd", "lock"),
		filepath.Join(workDir, "home", ".local", "state", "oauthd", "lock"),
	}
	for _, path := range locks {
		holder := readLock(path)
		if holder.PID == 0 {
			continue
		}
		p, err := os.FindProcess(holder.PID)
		if err != nil || p.Signal(syscall.SIGTERM) != nil {
			continue // it has ended without a word
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		lock := flock.New(path, flock.SetFlag(os.O_RDWR))
		free, err := lock.TryLockContext(ctx, 5*time.Millisecond)
		cancel()
		_ = lock.Close()
		// What is left of it, such as the race detector's pause, has nothing to do any more.
		_ = p.Kill()
		if !free {
			return fmt.Errorf("the daemon (pid %d) does not end: %v", holder.PID, err)
		}
	}
	var left []int
	if !poll(func() bool { left = daemonsOf(workDir); return len(left) == 0 }) {
		return fmt.Errorf("daemons are left: pid %v", left)
	}
	return nil
}

// daemonsOf returns the processes whose command line names a file below workDir, as a daemon's that was started
// automatically does; none if there is no /proc.
func daemonsOf(workDir string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		args := strings.Split(string(text), "\x00")
		if filepath.Base(args[0]) != "oauthd" || !strings.Contains(string(text), workDir+string(os.PathSeparator)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// cmdInspect prints what the kernel knows of the daemon that runs with a memory store:
//
//	inspect environ|cwd|stdin|session|umask|open
func cmdInspect(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: inspect environ|cwd|stdin|session|umask|open")
	}
	holder := readLock(lockPath("", "memory", ts.Getenv("SOCK")))
	if holder.PID == 0 {
		ts.Fatalf("no daemon runs")
	}
	proc := fmt.Sprintf("/proc/%d/", holder.PID)
	link := func(name string) string {
		target, err := os.Readlink(proc + name)
		ts.Check(err)
		return target
	}
	read := func(name string) string {
		text, err := os.ReadFile(proc + name)
		ts.Check(err)
		return string(text)
	}
	out := ts.Stdout()
	switch args[0] {
	case "environ":
		for entry := range strings.SplitSeq(read("environ"), "\x00") {
			name, _, _ := strings.Cut(entry, "=")
			fmt.Fprintln(out, name)
		}
	case "cwd":
		fmt.Fprintln(out, link("cwd"))
	case "stdin":
		fmt.Fprintln(out, link("fd/0"))
	case "session":
		// proc(5): after the program's name come state, ppid, pgrp, session.
		_, rest, _ := strings.Cut(read("stat"), ") ")
		if fields := strings.Fields(rest); len(fields) > 3 && fields[3] == strconv.Itoa(holder.PID) {
			fmt.Fprintln(out, "own")
		}
	case "umask":
		for line := range strings.Lines(read("status")) {
			if value, ok := strings.CutPrefix(line, "Umask:"); ok {
				fmt.Fprintln(out, strings.TrimSpace(value))
			}
		}
	case "open":
		entries, err := os.ReadDir(proc + "fd")
		ts.Check(err)
		for _, entry := range entries {
			if target, err := os.Readlink(proc + "fd/" + entry.Name()); err == nil { // else it was closed meanwhile
				fmt.Fprintln(out, entry.Name(), target)
			}
		}
	default:
		ts.Fatalf("there is no %q to look at", args[0])
	}
}
