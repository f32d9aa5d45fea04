//go:build linux

package main

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"oauthd/keystore/storetest"
)

// waitLimit ends a wait for something that does not come; nothing takes that long.
const waitLimit = time.Minute

// TestEndToEnd runs the program as it is built, against an independent OpenID provider, a real browser and a real
// keyring. Every part ends by looking for secrets in all that was printed, logged and written. The parts with the browser
// come one after another, the others beside each other.
func TestEndToEnd(t *testing.T) {
	storetest.Need(t, "go", "dbus-daemon", "gnome-keyring-daemon")
	h := newHouse(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *house)
	}{
		{"a login in the browser", testBrowserLogin},
		{"a failed login in the browser", testBrowserFailures},
		{"a response in a form", testFormPost},
		{"a redirect URI with https", testHTTPSRedirect},
		{"a browser that does not reach the redirect server", testUnreachable},
		{"the device grant", testDeviceGrant},
		{"a login that does not complete leaves nothing", testIncompleteLogin},
		{"rotation survives kill -9", testRotation},
		{"many callers cost one refresh", testManyCallers},
		{"logout revokes and forgets", testLogout},
		{"a client secret rests in the keyring", testClientSecret},
		{"explicit endpoints", testExplicitEndpoints},
		{"moving to another store and back", testMigrate},
		{"a locked keyring", testLockedKeyring},
		{"no keyring", testNoKeyring},
		{"the Go client", testGoClient},
		{"another user", testOtherUser},
		{"places of other users", testPlaces},
		{"attacks of another user", testAttacks},
		{"a restricted socket in a container", testRestrictedBox},
		{"a restricted socket over ssh", testRestrictedSSH},
		{"locking by itself", testLocksItself},
		{"a service of systemd", testServices},
		{"a new program takes over", testNewProgram},
		{"another version takes over, and back", testUpgrade},
		{"a file store that systemd-creds seals", testSeal},
		{"a login that ends asks on the desktop", testNotification},
		{"consent on the desktop", testDesktopConsent},
		{"an audit log that cannot be written", testAuditRequired},
		{"many logins that end are one question", testManyNotifications},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, h) })
	}
}

// house is what all parts share: the program and one browser.
type house struct {
	t       *testing.T // of all parts, for what ends with the last
	dir     string     // other users may enter it
	oauthd  string
	agent   string          // the user agent without a screen of TestMain
	browser context.Context // nil until a part needs it
}

// newHouse builds the program without the race detector, as people run it.
func newHouse(t *testing.T) *house {
	t.Helper()
	dir, err := os.MkdirTemp("", "oauthd-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	before := slog.Default() // which the provider's example server replaces
	t.Cleanup(func() { slog.SetDefault(before) })
	h := &house{t: t, dir: dir, oauthd: filepath.Join(dir, "oauthd"), agent: filepath.Join(dir, "agent")}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", h.oauthd, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	agent, err := exec.LookPath("agent")
	if err != nil {
		t.Fatal(err)
	}
	// Now, because a program that is still being written when another one is started cannot be run.
	program, err := os.ReadFile(agent)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.agent, program, 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}
