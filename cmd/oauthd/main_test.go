package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oauthd/cmd/oauthd/helpers"
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
	programs := map[string]func(){
		"oauthd":                  main,
		"agent":                   func() { os.Exit(agent(os.Args[1:])) },
		"google-client":           useGoogleLibraries,
		"google-federated":        func() { os.Exit(googleFederated()) },
		"bare-metadata":           bareMetadata,
		"mcp-client":              func() { os.Exit(conformanceClient()) },
		"beside-server":           besideServer,
		"age-plugin-" + pinPlugin: func() { os.Exit(agePlugin()) },
	}
	for _, h := range helpers.All() {
		if h.Program != "" {
			programs[h.Program] = main
		}
	}
	testscript.Main(m, programs)
}

// agent is a user agent without a screen: agent allow|deny URL [FILE] follows the pages from the authorization URL to
// the last one and presses that button on the way. The last page goes to FILE, which appears at once and whole. It
// never prints a URL, because the code is in it. agent -k … does so past the warning of a certificate. agent note URL
// FILE goes only as far as the provider: it writes the authorization URL to FILE. agent trace URL FILE does so and allows.
func agent(args []string) int {
	var browser *http.Client
	if len(args) > 0 && args[0] == "-k" {
		insecure := &tls.Config{InsecureSkipVerify: true}
		browser = &http.Client{Transport: &http.Transport{TLSClientConfig: insecure, DisableKeepAlives: true}}
		args = args[1:]
	}
	switch {
	case len(args) == 3 && (args[0] == "note" || args[0] == "trace"):
		address, err := through(browser, args[1])
		if err == nil {
			err = appear(args[2], address+"\n")
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "agent:", err)
			return 1
		}
		if args[0] == "note" {
			return 0
		}
		args = []string{oauthtest.Allow, address}
	case len(args) < 2 || len(args) > 3 || args[0] != oauthtest.Allow && args[0] != oauthtest.Deny:
		fmt.Fprintln(os.Stderr, "usage: agent [-k] allow|deny URL [FILE]")
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	address, err := through(browser, args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		return 1
	}
	page, err := oauthtest.Follow(ctx, browser, address, args[0])
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

// through returns where an address of our own leads; any other address is returned as it is.
func through(browser *http.Client, address string) (string, error) {
	if !strings.Contains(address, "/go/") {
		return address, nil
	}
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	transport := http.DefaultTransport
	if browser != nil {
		transport = browser.Transport
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return "", errors.New("no answer")
	}
	_ = resp.Body.Close()
	return resp.Header.Get("Location"), nil
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
