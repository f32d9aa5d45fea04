//go:build linux

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// What Bazel runs, as its configuration has it after install, answers as github.com/EngFlow/credential-helper-spec says.
func TestBazel(t *testing.T) {
	d := newDesktop(t)
	provider := d.login(t, "cache")
	d.allow(t, "cache", "cache.example.com")
	const before = "build --jobs=2 # mine\n"
	config := filepath.Join(d.dir, ".bazelrc")
	if err := os.WriteFile(config, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	if exit, stdout, stderr := d.run(t, nil, "oauthd", "helper", "install", "bazel", "--host", "cache.example.com", "--write"); exit != 0 {
		t.Fatalf("install: got exit %d, %s, %s", exit, stdout, stderr)
	}
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	_, path, found := strings.Cut(strings.TrimSpace(string(text)), "common --credential_helper=cache.example.com=")
	if to, err := os.Readlink(path); !found || err != nil || filepath.Base(to) != "oauthd" {
		t.Fatalf("got %q, which leads to %s, %v", text, to, err)
	}
	get := func(t *testing.T, uri string) (exit int, stdout, stderr string) {
		t.Helper()
		// Of the link the test's own program would not know its name.
		return d.run(t, []string{"OAUTHD_SOCK=" + d.socket()}, "sh", "-c", `printf '{"uri":"%s"}' "$0" | "$1" get`, uri, filepath.Base(path))
	}
	for _, uri := range []string{"https://cache.example.com/x.tgz", "grpcs://cache.example.com/google.bytestream.ByteStream/Read"} {
		exit, stdout, stderr := get(t, uri)
		var got struct {
			Headers map[string][]string
			Expires time.Time
		}
		token, err := d.client.Token(t.Context(), api.TokenRequest{Account: "cache"})
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || exit != 0 || stderr != "" {
			t.Fatalf("%s: got exit %d, %v, %s", uri, exit, err, stderr)
		}
		if values := got.Headers["Authorization"]; len(got.Headers) != 1 || len(values) != 1 || values[0] != "Bearer "+token.AccessToken || got.Expires.Unix() != token.ExpiresAt.Unix() {
			t.Errorf("%s: got other headers than the newest token, or until %s", uri, got.Expires)
		}
		d.replace(t, "cache")
	}
	if exit, stdout, stderr := get(t, "https://evil.example/"); exit != 0 || stdout != "{\"headers\":{}}\n" || stderr != "" {
		t.Errorf("an unknown host: got exit %d, %q, %q, want no headers", exit, stdout, stderr)
	}
	for _, o := range d.obstacles("cache", provider) {
		t.Run(o.name, func(t *testing.T) {
			if err := o.put(t); err != nil {
				t.Fatal(err)
			}
			if exit, stdout, stderr := get(t, "https://cache.example.com/"); exit == 0 || stdout != "" || !strings.Contains(stderr, o.want) {
				t.Errorf("got exit %d, %q, %q, want a failure that says %q", exit, stdout, stderr, o.want)
			}
		})
	}
	if exit, _, stderr := d.run(t, nil, "oauthd", "helper", "uninstall", "bazel"); exit != 0 {
		t.Fatalf("uninstall: got exit %d, %s", exit, stderr)
	}
	text, err = os.ReadFile(config)
	if _, gone := os.Lstat(path); err != nil || string(text) != before || !os.IsNotExist(gone) {
		t.Errorf("uninstall: got %q, %v, and the link: %v, want what was there, and no link", text, err, gone)
	}
}
