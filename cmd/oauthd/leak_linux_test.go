package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/keystore/storetest"
)

// TestNoSecretLeaks sends secrets that are known again through the journeys of the program, each with success and with
// failures, at a provider and a keychain that quote what they are sent. Then it looks for them in all that the program
// has printed, logged, served and written, and in the command lines and environments of its processes. Access tokens and
// ID tokens may be where a caller asked for them, and nowhere else.
func TestNoSecretLeaks(t *testing.T) {
	if os.Getuid() != 0 {
		if os.Getenv("OAUTHD_TEST_REQUIRE") != "" {
			t.Fatal("needs root, to read the environment of a daemon")
		}
		t.Skip("needs root, to read the environment of a daemon")
	}
	storetest.Need(t, "go", "curl", "dbus-daemon")
	replies := hostileReplies()
	w := newLeakWorld(t, replies)
	watch := w.firstUnlock()
	w.browserLogins()
	w.pastedLogin()
	w.hostileAccounts(replies)
	w.deviceLogins(&replies[0])
	w.registrations()
	w.imports(&replies[0])
	w.programs()
	w.couriers()
	w.listings()
	w.relock()
	w.move()
	w.keychain()
	w.crash()
	w.networkGone()
	w.interrupt(watch)
	w.search()
}

// accounts are all that have a client at the provider.
func (w *leakWorld) accounts(replies []hostileReply) []string {
	names := []string{"work", "denied", "pasted", "imported", "gone", "held", "device1", "device2", "device3", "device4"}
	for i := range replies {
		names = append(names, hostileName(i))
	}
	return names
}

// interrupt ends the watch as Ctrl-C does.
func (w *leakWorld) interrupt(watch *leakCommand) {
	w.t.Helper()
	if err := watch.cmd.Process.Signal(os.Interrupt); err != nil {
		w.t.Error(err)
	}
	if r := watch.end(); strings.Count(r.stdout, `"event":"token"`) < 10 {
		w.t.Errorf("watch: got %d lines, want those of all tokens", strings.Count(r.stdout, "\n"))
	}
}

// search looks for the secrets in all that was seen, and whether enough was.
func (w *leakWorld) search() {
	w.keep(searched{place: "the daemon's log", text: w.log.String()})
	places := append(w.seen, searchedFiles(w.t, w.dir)...)
	for _, s := range places {
		if kinds := w.in(s.text, !s.tokens); len(kinds) > 0 {
			w.t.Errorf("%s holds %s", s.place, strings.Join(kinds, ", "))
		}
	}
	for _, kind := range []string{
		"a PKCE verifier", "a client secret", "a device code", "a passphrase", "a private key", "a refresh token", "a registration access token",
		"a signed assertion", "an ID token", "an access token", "an authorization code", "an imported refresh token",
	} {
		if !w.has(kind) {
			w.t.Errorf("%s was never sent", kind)
		}
	}
	for _, place := range []string{
		"a page of status 200", "a page of status 303", "a page of status 404", "the command line of oauthd serve", "the daemon's log",
		"the command line of oauthd login", "the environment of oauthd serve", "the file /tmp/browser.",
		"the file /home/.local/state/oauthd/audit.jsonl", "the command line of oauthd emulation-server", "the standard error of oauthd mcp", "the file /home/.config/oauthd/accounts/work.toml",
	} {
		if !slices.ContainsFunc(places, func(s searched) bool { return strings.HasPrefix(s.place, place) && s.text != "" }) {
			w.t.Errorf("nothing was searched as %s", place)
		}
	}
	w.t.Logf("%d places were searched for %d secrets", len(places), len(w.known))
}

// firstUnlock starts a daemon and makes its file store. It returns a watch, which goes on when the daemon is another one.
func (w *leakWorld) firstUnlock() (watch *leakCommand) {
	w.write(filepath.Join(w.outside, "passphrase"), w.newCanary("a passphrase", "pp-")+"\n")
	w.write(filepath.Join(w.outside, "wrong"), w.newCanary("a wrong passphrase", "wp-")+"\n")
	w.configure("file")
	w.serve()
	watch = w.begin("", "watch")
	w.begin("", "unlock", "--passphrase-stdin").want(5, "none was given")
	w.begin(w.file("passphrase"), "unlock", "--passphrase-stdin").want(0, "unlocked")
	return watch
}

// programs use the account's tokens in the ways in which a program may.
func (w *leakWorld) programs() {
	for _, format := range []string{"json", "header", "env", "xoauth2"} {
		w.begin("", "token", "work", "--format", format).want(0, "")
	}
	w.begin("", "exec", "-e", "TOKEN=work", "--", "sh", "-c", `echo "$TOKEN"`).want(0, "at-")
	w.begin("", "exec", "-f", "FILE=work", "--", "sh", "-c", `cat "$FILE"`).want(0, "at-")
	w.begin("", "exec", "-e", "TOKEN=gone", "--", "true").want(3, "")
	w.begin("", "exec", "-e", "TOKEN=work", "--", "no-such-program").want(127, "no-such-program")
	w.begin("", "exec", "--google", "work", "--", "sh", "-c",
		`curl -s -H Metadata-Flavor:Google "http://$GCE_METADATA_HOST/computeMetadata/v1/instance/service-accounts/default/token"`).want(0, "at-")
	w.begin("", "exec", "--google", "gone", "--", "true").want(3, "")
	token := w.run("", "token", "work")
	w.begin(token.stdout, "audit", "--fingerprint", "-").want(0, "work")
}

// couriers bring tokens where a program wants them: with its requests, to git, and into a file.
func (w *leakWorld) couriers() {
	file := w.path(".config", "oauthd", "accounts", "work.toml")
	account, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(file, string(account)+"hosts = [\""+w.issuer()+"\"]\n")
	w.begin("", "reload").want(0, "work")
	const requests = `curl -s $API/userinfo; curl -s -X POST $API/none?secret=1; curl -s ${API%/*}/userinfo`
	w.begin("", "exec", "--proxy", "work="+w.issuer(), "--proxy-log", "-e", "API="+w.issuer(), "--", "sh", "-c", requests).want(0, "forbidden")
	w.begin("", "exec", "--proxy", "gone="+w.issuer(), "-e", "API="+w.issuer(), "--", "true").want(4, "hosts")
	ping := `{"jsonrpc":"2.0","id":1,"method":"ping"}` + "\n"
	w.begin(ping, "mcp", w.issuer()+"/none").want(0, `"error"`)
	w.begin(ping, "mcp", w.issuer()+"/none", "--account", "gone").want(4, "gone")
	scheme, host, _ := strings.Cut(w.issuer(), "://")
	w.begin("protocol="+scheme+"\nhost="+host+"\n\n", "helper", "git", "get").want(0, "password=at-")
	w.begin("protocol=https\nhost=git.example.com\n\n", "helper", "git", "get").want(0, "")
	token := filepath.Join(w.outside, "token")
	w.begin("", "file", "work", token).want(0, token)
	w.begin("", "file", "work", token, "--on-change", "cat $OAUTHD_FILE >&2; exit 3").want(0, token)
	w.begin("", "file", "gone", token+"-gone").want(3, "gone")
	w.begin("", "token", "work", "--force").want(0, "at-")
	if !poll(func() bool { return strings.Contains(w.run("", "file", "list").stdout, "failed") }) {
		w.t.Error("the command of the file has not failed")
	}
	w.begin("", "file", "list", "--json").want(0, token)
	w.begin("", "file", "rm", token).want(0, "")
}

// listings are all that show accounts, callers and what happened.
func (w *leakWorld) listings() {
	for _, verb := range []string{"status", "accounts", "audit", "whoami", "account show work", "account show imported", "providers"} {
		for _, form := range []string{"", " --json"} {
			w.begin("", strings.Fields(verb+form)...).want(0, "")
		}
	}
	w.begin("", "status", "--socket").want(0, "oauthd.sock")
	w.begin("", "doctor").end()
}

// registrations have the issuer register a client, whose access token it quotes first.
func (w *leakWorld) registrations() {
	token := w.newCanary("a registration access token", "ra-")
	quotes := func(status int) *hostileReply {
		return &hostileReply{"a quoted registration", asItIs, func(rw http.ResponseWriter, _ string) {
			rw.WriteHeader(status)
			_ = json.NewEncoder(rw).Encode(map[string]any{
				"error": "invalid_client_metadata", "error_description": "already registered with " + token,
				"registration_access_token": token, "registration_client_uri": w.issuer() + "/register/client",
			})
		}}
	}
	flags := []string{"login", "registered", "--issuer", w.issuer(), "--scope", "openid"}
	for _, status := range []int{http.StatusCreated, http.StatusBadRequest} {
		w.become("", quotes(status))
		if r := w.run("", flags...); r.exit == 0 {
			w.t.Errorf("a refused registration of status %d: got exit 0", status)
		}
	}
	w.become("", nil)
	c := w.begin("", flags...)
	w.browse(c, oauthtest.Allow)
	c.want(0, "logged in")
	w.begin("", "account", "remove", "registered").want(0, "")
}
