package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"oauthd/keystore/storetest"
)

// BenchmarkGitHelperProcess runs git-credential-oauthd get as whole processes, as a link to oauthd-helper and as one to
// oauthd, in turn with git-credential-store, which reads a file, and git-credential-cache, which asks a daemon of its own.
// The figures are medians, as multiples of the store's.
//
//	go test -run - -bench GitHelperProcess -benchtime 300x ./cmd/oauthd
func BenchmarkGitHelperProcess(b *testing.B) {
	storetest.Need(b, "git")
	p := buildPrograms(b)
	link := func(program string) string {
		path := filepath.Join(b.TempDir(), "git-credential-oauthd")
		if err := os.Symlink(program, path); err != nil {
			b.Fatal(err)
		}
		return path
	}
	d := newLineDaemon(b, nil, saying(`{"access_token":"`+benchToken+`","token_type":"Bearer","expires_in":3599,"account":"work"}`+"\n"))
	env := d.env("OAUTHD_SOCK="+d.socket, "PATH="+os.Getenv("PATH"), "HOME="+d.dir)
	where, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		b.Fatal(err)
	}
	programs := strings.TrimSpace(string(where))
	if err := os.WriteFile(filepath.Join(d.dir, ".git-credentials"), []byte("https://oauth2:"+benchToken+"@git.example.com\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	cache := []string{filepath.Join(programs, "git-credential-cache"), "--socket", filepath.Join(d.dir, "cache", "s")}
	if err := os.Mkdir(filepath.Join(d.dir, "cache"), 0o700); err != nil {
		b.Fatal(err)
	}
	git := func(argv []string, in string) (string, time.Duration) {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env, cmd.Stdin, cmd.Stderr = env, strings.NewReader(in), os.Stderr
		began := time.Now()
		out, err := cmd.Output()
		took := time.Since(began)
		if err != nil && cmd.ProcessState.Sys().(syscall.WaitStatus) != 0 {
			b.Fatalf("%s: %v", argv[0], err)
		}
		return string(out), took
	}
	const wanted = "protocol=https\nhost=git.example.com\n\n"
	git(append(slices.Clone(cache), "store"), "protocol=https\nhost=git.example.com\nusername=oauth2\npassword="+benchToken+"\n\n")
	b.Cleanup(func() { git(append(slices.Clone(cache), "exit"), "") })
	contestants := map[string][]string{
		"helper": {link(p.helper), "get"},
		"oauthd": {link(p.oauthd), "get"},
		"store":  {filepath.Join(programs, "git-credential-store"), "get"},
		"cache":  append(slices.Clone(cache), "get"),
	}
	took := map[string][]time.Duration{}
	for b.Loop() {
		for name, argv := range contestants {
			out, time := git(argv, wanted)
			if !strings.Contains(out, "password="+benchToken+"\n") {
				b.Fatalf("%s: got %d bytes, want the credential", name, len(out))
			}
			took[name] = append(took[name], time)
		}
	}
	median := func(name string) float64 { slices.Sort(took[name]); return float64(took[name][len(took[name])/2]) }
	b.ReportMetric(median("store")/1e3, "store-µs")
	b.ReportMetric(median("helper")/median("store"), "helper/store")
	b.ReportMetric(median("oauthd")/median("store"), "oauthd/store")
	b.ReportMetric(median("cache")/median("store"), "cache/store")
}
