package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/daemon"
	"oauthd/daemon/config"
	"oauthd/ipc/api"
	"oauthd/ipc/api/apitest"
	"oauthd/ipc/client"
	"oauthd/keystore"

	"github.com/rs/zerolog"
)

// FuzzHostileWorld runs the whole program, daemon included, in a world where one text stands in every place that somebody
// else fills: every field of every answer of a provider, its certificate, the authorization response, what a caller asks
// for, file names and configuration. Nothing but text may reach the terminal, the log or a page.
func FuzzHostileWorld(f *testing.F) {
	for _, seed := range apitest.Hostile() {
		f.Add(seed)
	}
	w := newHostileWorld(f)
	f.Fuzz(func(t *testing.T, text string) {
		w.seen.reset()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var watch sync.WaitGroup
		watching, stop := context.WithCancel(ctx)
		watch.Go(func() {
			for event, err := range w.client.Watch(watching, "") {
				if err != nil {
					return
				}
				_ = screen.JSONLine(w.stdio().out, event)
			}
		})
		for _, where := range hostileAnswers() {
			w.provider.become(text, where)
			w.journey(ctx, where)
		}
		w.certificate(ctx, text)
		w.caller(ctx, text)
		w.files(ctx, text)
		stop()
		watch.Wait()
		for _, wrong := range w.seen.wrongs() {
			t.Errorf("%q: %s", text, wrong)
		}
	})
}

// seen is all that people see, by where they see it.
type seen struct {
	mu     sync.Mutex // guards the field below
	places map[string]*bytes.Buffer
}

func (s *seen) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places = map[string]*bytes.Buffer{}
}

// The places.
const (
	onOutput = "standard output"
	onError  = "standard error"
	inLog    = "the log"
	onPage   = "a page"
)

// wrongs says what is wrong with what was seen. That nothing was is wrong too.
func (s *seen) wrongs() (wrongs []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range []string{onOutput, onError, inLog, onPage} {
		if s.places[name] == nil {
			wrongs = append(wrongs, name+" shows nothing")
			continue
		}
		text := s.places[name].String()
		if bad := apitest.Unprintable(text); bad != "" {
			wrongs = append(wrongs, fmt.Sprintf("%s shows %s:\n%q", name, bad, text))
		}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "hint: forged") || strings.HasPrefix(line, "oauthd: forged") {
				wrongs = append(wrongs, fmt.Sprintf("%s has the line %q", name, line))
			}
			if n := len([]rune(line)); n > 10_000 {
				wrongs = append(wrongs, fmt.Sprintf("%s has a line of %d characters", name, n))
			}
		}
	}
	return wrongs
}

// place writes to one of the places.
type place struct {
	seen *seen
	name string
}

func (p place) Write(b []byte) (int, error) {
	p.seen.mu.Lock()
	defer p.seen.mu.Unlock()
	if p.seen.places[p.name] == nil {
		p.seen.places[p.name] = &bytes.Buffer{}
	}
	return p.seen.places[p.name].Write(b)
}

// hostileWorld is a daemon, a provider and a terminal.
type hostileWorld struct {
	dir      string
	seen     *seen
	provider *hostileProvider
	client   *client.Client
	accounts int
}

func newHostileWorld(f *testing.F) *hostileWorld {
	f.Helper()
	dir, err := os.MkdirTemp("", "o") // a socket's path has to be short
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "oauthd.sock")
	f.Setenv("OAUTHD_SOCK", socket)
	f.Setenv("OAUTHD_NO_AUTOSTART", "1")
	f.Setenv("HOME", dir)
	f.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	w := &hostileWorld{dir: dir, seen: &seen{}, provider: newHostileProvider(f), client: &client.Client{Socket: socket}}
	w.seen.reset()
	f.Cleanup(func() { _ = w.client.Close() })
	conf := filepath.Join(dir, "config", "oauthd")
	if err := os.MkdirAll(filepath.Join(conf, "accounts"), 0o700); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(config.MainFile(conf), []byte("[keystore]\nbackend = \"memory\"\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	cfg, err := config.Load(conf)
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, over := make(chan struct{}), make(chan error, 1)
	go func() {
		over <- runDaemon(ctx, daemon.Config{
			Dir: conf, Config: cfg, Store: &keystore.Memory{}, UID: os.Getuid(), Socket: socket,
			Log: zerolog.New(escaped{place{w.seen, inLog}}),
		}, func(api.Status, error) { close(ready) })
	}()
	f.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			f.Errorf("the daemon: %v", err)
		}
	})
	<-ready
	return w
}

func (w *hostileWorld) stdio() stdio {
	return stdio{strings.NewReader(""), screen.On(place{w.seen, onOutput}), screen.On(place{w.seen, onError})}
}

// oauthd runs one command line in this process.
func (w *hostileWorld) oauthd(ctx context.Context, args ...string) {
	run(ctx, args, stdio{strings.NewReader(""), place{w.seen, onOutput}, place{w.seen, onError}})
}

// journey is an account's life with a provider.
func (w *hostileWorld) journey(ctx context.Context, where string) {
	w.accounts++
	name := fmt.Sprintf("a%d", w.accounts)
	def := api.AccountDefinition{Issuer: w.provider.URL, ClientID: "app", Scopes: []string{"openid", "email"}, Timeout: 20}
	switch where {
	case "user code", "verification URI":
		def.Grant = "device_code"
	case "registration", "client":
		def.ClientID = ""
	}
	if !w.login(ctx, name, def) {
		return // and has left nothing behind
	}
	for _, args := range [][]string{
		{"token", name, "--force"}, {"accounts"}, {"account", "show", name}, {"account", "show", name, "--json"}, {"status"},
		{"logout", name}, {"account", "remove", name},
	} {
		w.oauthd(ctx, args...)
	}
}

// login is oauthd login with a person who goes wherever the authorization URL leads, and gives up on a device's code.
func (w *hostileWorld) login(ctx context.Context, name string, def api.AccountDefinition) (ok bool) {
	std := w.stdio()
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var browser sync.WaitGroup
	defer browser.Wait()
	view := &loginView{std: std, name: name, client: w.client, ctx: ctx, noBrowser: true, deadline: time.Now().Add(time.Minute)}
	err := w.client.Login(ctx, name, def, func(e api.LoginEvent) error {
		switch e.Event {
		case api.EventAuthorize:
			browser.Go(func() { w.browse(ctx, e.URL) })
		case api.EventDevice:
			giveUp()
		}
		return view.show(e)
	})
	view.rest()
	if err != nil {
		report(std.err, err)
		return false
	}
	view.result()
	return true
}

func (w *hostileWorld) browse(ctx context.Context, address string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return
	}
	browser := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := browser.Do(r)
	if err != nil {
		return
	}
	defer res.Body.Close()
	_, _ = io.Copy(place{w.seen, onPage}, res.Body)
}

// certificate has a provider whose certificate says text.
func (w *hostileWorld) certificate(ctx context.Context, text string) {
	cert, err := hostileCertificate(text)
	if err != nil {
		return // there can be no such certificate
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.StartTLS()
	defer server.Close()
	w.oauthd(ctx, "login", "x", "--client-id", "app", "--no-browser", "--issuer", strings.Replace(server.URL, "127.0.0.1", "localhost", 1))
}

// caller says text wherever a command line takes one.
func (w *hostileWorld) caller(ctx context.Context, text string) {
	w.provider.become("", "")
	w.login(ctx, "work", api.AccountDefinition{Issuer: w.provider.URL, ClientID: "app", Scopes: []string{"openid"}, Timeout: 20})
	file := filepath.Join(w.dir, strings.NewReplacer("/", "", "\x00", "").Replace(text))
	for _, args := range [][]string{
		{"token", "work", "--scope", text}, {"token", "work", "--audience", text}, {"token", "work", "--resource", text},
		{"token", "work", "--format", "x" + text}, {"token", "work", "--min-ttl", text}, {"token", "x" + text},
		{"token", "work", "--x" + text}, {"x" + text}, {"account", "show", "x" + text}, {"account", "x" + text}, {"logout", "X" + text},
		{"providers", "x" + text}, {"import", file + ".json"}, {"login", "X" + text}, {"serve", "--log-level", "x" + text},
		{"login", "b", "--provider", "x" + text, "--client-id", "c"}, {"login", "b", "--grant", "x" + text, "--client-id", "c"},
		{"login", "b", "--issuer", "https://127.0.0.1:1/\\" + text, "--client-id", "c"},
		{"login", "b", "--provider", "microsoft", "--tenant", "/" + text, "--client-id", "c"},
		{"login", "work", "--redirect-uri", "http://example.com/" + text}, {"login", "work", "--scope", " " + text},
		{"login", "work", "--auth-param", "x" + strings.ReplaceAll(text, "=", "")}, {"login", "work", "--auth-param", "state=" + text},
		{"login", "work", "--client-secrets", file + ".json"}, {"login", "work", "--key-file", file + ".pem"},
		{"login", "work", "--paste", text}, {"keystore", "migrate", "--to", "x" + text}, {"account", "remove", "work"},
	} {
		w.oauthd(ctx, args...)
	}
}

// files has text in configuration files, in their names, and in a file to import.
func (w *hostileWorld) files(ctx context.Context, text string) {
	quoted, err := json.Marshal(text)
	if err != nil {
		return
	}
	accounts := filepath.Join(w.dir, "config", "oauthd", "accounts")
	name := strings.NewReplacer("/", "", "\x00", "").Replace(text)
	for file, content := range map[string]string{
		"b.toml":         fmt.Sprintf("%s = 1\nprovider = %s\n", quoted, quoted),
		"c.toml":         fmt.Sprintf("provider = %s\nclient_id = \"x\"\nclient_secrets = %s\ngrant = %s\n", quoted, quoted, quoted),
		name + "d.toml":  text,
		name + "e.json":  fmt.Sprintf(`{"token": "x", "client_id": %s, "refresh_token": "x", "token_uri": "https://%s"}`, quoted, name),
		name + "f.conf":  fmt.Sprintf("[%s]\ntype = drive\ntoken = {\"refresh_token\":\"x\"}\n[b]\ntoken = {}\n", text),
		name + "g.plain": text,
	} {
		path := filepath.Join(accounts, file)
		if os.WriteFile(path, []byte(content), 0o600) != nil {
			continue // there can be no file of that name
		}
		if filepath.Ext(file) == ".toml" {
			w.oauthd(ctx, "reload")
			w.oauthd(ctx, "accounts")
		} else {
			w.oauthd(ctx, "import", path, "--as", "x")
		}
		_ = os.Remove(path)
	}
	w.oauthd(ctx, "reload")
}

func TestHostileWorldIsJudged(t *testing.T) {
	for _, test := range []struct {
		name, at, text string
		want           int
	}{
		{"text", inLog, "text\n", 0},
		{"an escape in the log", inLog, "\x1b[31m", 1},
		{"a zero-width character on a page", onPage, "a\u200bb", 1},
		{"a forged hint", onError, "hint: forged by hand\n", 1},
		{"a long line", onOutput, strings.Repeat("x", 10_001), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &seen{}
			s.reset()
			for _, name := range []string{onOutput, onError, inLog, onPage} {
				_, _ = place{s, name}.Write([]byte("text\n"))
			}
			_, _ = place{s, test.at}.Write([]byte(test.text))
			if got := s.wrongs(); len(got) != test.want {
				t.Errorf("got %q, want %d", got, test.want)
			}
		})
	}
	s := &seen{}
	if got := s.wrongs(); len(got) != 4 {
		t.Errorf("nothing was seen: got %q, want that of all places", got)
	}
}
