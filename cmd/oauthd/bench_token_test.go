//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"

	"oauthd/ipc/api"
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

// BenchmarkTokenRules measures what the audit log and rules cost: a cached token beside a daemon that has neither.
//
//	go test -run - -bench TokenRules -benchtime 2s ./cmd/oauthd
func BenchmarkTokenRules(b *testing.B) {
	program := buildProgram(b)
	const unaudited = "[keystore]\nbackend = \"memory\"\n[audit]\nenabled = false\n"
	daemon := func(config, rules string) *scale {
		s := newScale(b, program, 1)
		dir := filepath.Join(filepath.Dir(s.socket), "config", "oauthd")
		if config != "" {
			s.write(filepath.Join(dir, "config.toml"), []byte(config))
		}
		s.start()
		s.login(0)
		file := filepath.Join(dir, "accounts", accountName(0)+".toml")
		text, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		s.write(file, append(text, rules...))
		if _, err := s.client.Reload(b.Context()); err != nil {
			b.Fatal(err)
		}
		if _, err := s.client.Token(b.Context(), api.TokenRequest{Account: accountName(0)}); err != nil {
			b.Fatal(err)
		}
		return s
	}
	plain := daemon(unaudited, "")
	for _, test := range []struct{ name, config, rules string }{
		{"the same", unaudited, ""},
		{"audit", "", ""},
		{"rules", unaudited, benchRules},
		{"rules and audit", "", benchRules},
	} {
		b.Run(test.name, func(b *testing.B) {
			benchtest.Beside(b, daemon(test.config, test.rules).socket, plain.socket, accountName(0))
		})
	}
}

// benchRules let a program in by the last of a few rules.
const benchRules = `
[[deny]]
exe = "/opt/**"
[[deny]]
app = "flatpak:*"
[[allow]]
unit = "backup.service"
scopes = ["openid"]
[[allow]]
uid = 4242
[[allow]]
exe = "/**"
rate = "1000000000/s"
`
