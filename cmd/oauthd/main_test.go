package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/benchtest"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain puts two programs first on PATH, both of them this test binary under another name: oauthd, and agent, which
// stands in for a browser.
func TestMain(m *testing.M) {
	if os.Getenv("GORACE") == "" {
		// A process under the race detector otherwise sleeps for a second at its end.
		_ = os.Setenv("GORACE", "atexit_sleep_ms=10")
	}
	benchtest.Main()
	testscript.Main(m, map[string]func(){
		"oauthd":                  main,
		"agent":                   func() { os.Exit(agent(os.Args[1:])) },
		"age-plugin-" + pinPlugin: func() { os.Exit(agePlugin()) },
	})
}

// agent is a user agent without a screen: agent allow|deny URL [FILE] follows the pages from the authorization URL to
// the last one and presses that button on the way. The last page goes to FILE, which appears at once and whole. It
// never prints a URL, because the code is in it. agent -k … does so past the warning of a certificate. agent note URL
// FILE goes nowhere: it writes URL to FILE.
func agent(args []string) int {
	var browser *http.Client
	if len(args) > 0 && args[0] == "-k" {
		insecure := &tls.Config{InsecureSkipVerify: true}
		browser = &http.Client{Transport: &http.Transport{TLSClientConfig: insecure, DisableKeepAlives: true}}
		args = args[1:]
	}
	switch {
	case len(args) == 3 && args[0] == "note":
		if err := appear(args[2], args[1]+"\n"); err != nil {
			fmt.Fprintln(os.Stderr, "agent:", err)
			return 1
		}
		return 0
	case len(args) < 2 || len(args) > 3 || args[0] != oauthtest.Allow && args[0] != oauthtest.Deny:
		fmt.Fprintln(os.Stderr, "usage: agent [-k] allow|deny URL [FILE]")
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	page, err := oauthtest.Follow(ctx, browser, args[1], args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		return 1
	}
	if len(args) == 3 {
		if err := appear(args[2], page.Body); err != nil {
			fmt.Fprintln(os.Stderr, "agent:", err)
			return 1
		}
	}
	fmt.Println("status", page.Status)
	return 0
}

func appear(file, text string) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".agent-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.WriteString(text); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}
