package main

import (
	"os"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdSignal sends a signal to the daemon that runs with a memory store:
//
//	signal HUP
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || args[0] != "HUP" {
		ts.Fatalf("usage: signal HUP")
	}
	holder := readLock(lockPath("", "memory", ts.Getenv("SOCK")))
	if holder.PID == 0 {
		ts.Fatalf("no daemon runs")
	}
	p, err := os.FindProcess(holder.PID)
	ts.Check(err)
	ts.Check(p.Signal(syscall.SIGHUP))
}
