//go:build linux

package main

import (
	"testing"

	"oauthd/ipc/benchtest"
)

// BenchmarkToken measures a cached token of the program as it is built, in a process of its own.
//
//	go test -run - -bench Token/ -benchtime 2s ./cmd/oauthd
func BenchmarkToken(b *testing.B) {
	s := newScale(b, buildProgram(b), 1)
	s.start()
	s.login(0)
	benchtest.Run(b, s.socket, accountName(0))
}
