package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/daemon/oauthtest"

	"filippo.io/age"
	"filippo.io/age/plugin"
	"github.com/creack/pty"
)

const (
	askStore       = "Store [passphrase]: "
	askIdentity    = "Path of the identity file: "
	askFirst       = "A passphrase for the new file store: "
	askSecond      = "The same again: "
	askPassphraseQ = "Passphrase of the file store: "

	passphrase = "correct horse one"
)

// barePlace is a seat without a keychain, where no store was chosen. Its browser agrees to everything.
func barePlace(t *testing.T, config string) *seat {
	t.Helper()
	s := askingSeat(t)
	main := filepath.Join("home", ".config", "oauthd", "config.toml")
	if s.write(t, main, config); config == "" {
		if err := os.Remove(filepath.Join(s.dir, main)); err != nil {
			t.Fatal(err)
		}
	}
	s.stopAtEnd(t)
	return s
}

// stopAtEnd stops the daemon, which does not end by itself while it holds what would be lost.
func (s *seat) stopAtEnd(t *testing.T) {
	t.Cleanup(func() {
		program, err := exec.LookPath("oauthd")
		if err != nil {
			t.Fatal(err)
		}
		stop := exec.Command(program, "stop")
		stop.Env = s.env
		_ = stop.Run() // none may be running
	})
}

func (s *seat) config() string {
	text, _ := os.ReadFile(filepath.Join(s.home, ".config", "oauthd", "config.toml"))
	return string(text)
}

func (s *seat) login(args ...string) []string {
	return append([]string{"login", "work", "--issuer", s.provider.Issuer(), "--client-id", "native", "--scope", "openid", "--scope", "email"}, args...)
}

// systemdCreds puts a systemd-creds of that version first on the seat's PATH.
func (s *seat) systemdCreds(t *testing.T, version string) {
	t.Helper()
	bin := filepath.Join(s.dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	program := `#!/bin/sh
case "$*" in
--version) echo "systemd ` + version + `" ;;
"encrypt --user --name=oauthd - -") base64 ;;
"decrypt --user --name=oauthd --newline=no - -") base64 -d ;;
*) exit 2 ;;
esac
`
	if err := os.WriteFile(filepath.Join(bin, "systemd-creds"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, entry := range s.env {
		if path, ok := strings.CutPrefix(entry, "PATH="); ok {
			s.env[i] = "PATH=" + bin + ":" + path
		}
	}
}

// ageKey makes key.txt, as age-keygen does.
func (s *seat) ageKey(t *testing.T) {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "key.txt", "# public key: "+key.Recipient().String()+"\n"+key.String()+"\n")
}

func (s *seat) wantToken(t *testing.T) {
	t.Helper()
	if exit, out, stderr := s.run(t, "", "oauthd", "token", "work"); exit != 0 || !strings.HasPrefix(out, "at-") {
		t.Errorf("token: got exit %d, %s", exit, stderr)
	}
}

func TestNoKeychainIsNoDeadEnd(t *testing.T) {
	window := pty.Winsize{Rows: 24, Cols: 80}
	for _, tc := range []struct {
		name, before string
		answers      []string
		after        string
		systemd      string
		restart      bool // the store opens by itself in another daemon
	}{
		{
			name: "a passphrase", answers: []string{askStore, "", askFirst, passphrase, askSecond, passphrase},
			after: "[keystore]\nbackend = \"file\"\n",
		},
		{
			name: "a passphrase, at last", before: "# mine\n", systemd: "256 (256.1)",
			answers: []string{
				askStore, "?", askStore, "4", askStore, "sealed", askStore, "1", askFirst, "", askFirst, passphrase, askSecond, "another",
				askFirst, passphrase, askSecond, passphrase,
			},
			after: "# mine\n\n[keystore]\nbackend = \"file\"\n",
		},
		{
			name: "memory", before: "[providers.corp] # at work\nissuer = 'https://login.example.com'\n", answers: []string{askStore, "memory"},
			after: "[providers.corp] # at work\nissuer = 'https://login.example.com'\n\n[keystore]\nbackend = \"memory\"\n",
		},
		{
			name: "an age identity", restart: true,
			answers: []string{askStore, "2", askIdentity, "", askIdentity, "?", askIdentity, "missing", askIdentity, "home", askIdentity, "key.txt"},
			after:   "[keystore]\nbackend = \"file\"\nidentity = \"DIR/key.txt\"\n",
		},
		{
			name: "sealed", restart: true, systemd: "257 (257.9-1~deb13u1)", answers: []string{askStore, "3"},
			after: "[keystore]\nbackend = \"file\"\nseal = \"systemd-creds\"\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := barePlace(t, tc.before)
			s.ageKey(t)
			if tc.systemd != "" {
				s.systemdCreds(t, tc.systemd)
			}
			p := s.start(t, window, "", s.login()...)
			p.await(t, "no keychain is available to this daemon", "Where shall credentials be stored instead?")
			p.answers(t, tc.answers...)
			p.await(t, "work: logged in as ada@example.com")
			p.wantExit(t, 0)
			if want := strings.ReplaceAll(tc.after, "DIR", s.dir); s.config() != want {
				t.Errorf("got config.toml\n%s\nwant\n%s", s.config(), want)
			}
			if says := s.home + "/.config/oauthd/config.toml:"; !strings.Contains(strings.ReplaceAll(p.shown(), "\r\n", ""), says) {
				t.Errorf("the screen does not say what was written where:\n%s", p.shown())
			}
			for _, hidden := range []string{passphrase, "another", "AGE-SECRET-KEY"} {
				if strings.Contains(p.screen.String(), hidden) {
					t.Errorf("the screen shows a secret")
				}
			}
			s.wantToken(t)
			if tc.restart {
				if exit, _, stderr := s.run(t, "", "oauthd", "stop"); exit != 0 {
					t.Fatalf("stop: got exit %d, %s", exit, stderr)
				}
				s.wantToken(t)
			}
		})
	}
}

// A machine on which systemd-creds is new enough and does not work is no dead end either.
func TestSealThatFails(t *testing.T) {
	s := barePlace(t, "")
	s.systemdCreds(t, "257 (257.1)")
	s.write(t, filepath.Join("bin", "systemd-creds"), "#!/bin/sh\n[ \"$1\" = --version ] && echo systemd 257\n")
	p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "", s.login()...)
	p.answers(t, askStore, "sealed")
	p.await(t, "systemd-creds encrypt failed")
	p.answers(t, askStore, "memory")
	p.await(t, "work: logged in as ada@example.com")
	p.wantExit(t, 0)
}

func TestStoreQuestionGivenUp(t *testing.T) {
	questions := []string{askStore, "identity", askIdentity, "key.txt"}
	for _, key := range []string{ctrlC, ctrlD} {
		for i := 0; i < len(questions); i += 2 {
			s := barePlace(t, "# mine\n")
			p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "", s.login()...)
			p.answers(t, questions[:i]...)
			p.await(t, questions[i])
			p.press(t, key)
			p.await(t, "oauthd: interrupted")
			p.wantExit(t, 130)
			if s.config() != "# mine\n" {
				t.Errorf("got config.toml %q, want it as it was", s.config())
			}
			s.wantNothing(t)
		}
	}
}

// The wizard asks for the store too, and writes nothing before its summary is agreed to.
func TestStoreInTheWizard(t *testing.T) {
	s := barePlace(t, "")
	ask := func(agree string) *program {
		p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "", "login")
		p.answers(t, askProvider, s.provider.Issuer(), askClientID, "native", askSecret, "", askScopes, "", askName, "", askStore, "")
		p.await(t, "stored", "in files that a passphrase opens")
		p.await(t, askConfirm)
		if s.config() != "" {
			t.Errorf("before the summary is agreed to: got config.toml %q", s.config())
		}
		p.press(t, agree+enter)
		return p
	}
	p := ask("no")
	p.wantExit(t, 130)
	s.wantNothing(t)
	if s.config() != "" {
		t.Errorf("given up: got config.toml %q", s.config())
	}
	p = ask("yes")
	p.answers(t, askFirst, passphrase, askSecond, passphrase)
	p.await(t, "work: logged in as ada@example.com", "Now use it:")
	p.wantExit(t, 0)
	s.wantToken(t)
}

func TestStoreOfAnImport(t *testing.T) {
	s := barePlace(t, "")
	s.write(t, "client.json", `{"installed":{"client_id":"native","auth_uri":"`+s.provider.URL+`/authorize","token_uri":"`+s.provider.URL+`/token"}}`)
	p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "", "import", "client.json", "--as", "work", "--scope", "openid")
	p.answers(t, askStore, "memory")
	p.await(t, "work: logged in")
	p.wantExit(t, 0)
	s.wantToken(t)
}

// What was chosen is not asked again, and without a terminal nothing is asked at all.
func TestStoreIsNotAsked(t *testing.T) {
	window := pty.Winsize{Rows: 24, Cols: 80}
	for _, tc := range []struct {
		name, config, redirection string
		args                      []string
		says                      string
		exit                      int
		after                     string
	}{
		{"the keychain was chosen", "[keystore]\nbackend = \"keychain\"\n", "", nil, "hint: ", 8, "[keystore]\nbackend = \"keychain\"\n"},
		{"no terminal to read from", "", "</dev/null", nil, "oauthd: no keychain is available", 8, ""},
		{"no terminal to ask at", "", "2>seen", nil, "", 8, ""},
		{"memory", "", "</dev/null", []string{"--store", "memory"}, "work: logged in as ada@example.com", 0, "[keystore]\nbackend = \"memory\"\n"},
		{"files, and nobody to give a passphrase", "", "</dev/null", []string{"--store", "file"}, "hint: oauthd unlock", 5, "[keystore]\nbackend = \"file\"\n"},
		{"the keychain that is not there", "", "", []string{"--store", "keychain"}, "oauthd: no keychain is available", 8, "[keystore]\nbackend = \"keychain\"\n"},
		{"another word", "", "", []string{"--store", "drawer"}, "oauthd: --store is file, keychain or memory", 2, ""},
		{"a file that oauthd does not change", "keystore.backend = \"keychain\"\n", "", []string{"--store", "memory"},
			"hint: write these lines into it yourself, then run oauthd stop:\r\n  [keystore]\r\n  backend = \"memory\"", 2, "keystore.backend = \"keychain\"\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := barePlace(t, tc.config)
			p := s.start(t, window, tc.redirection, s.login(tc.args...)...)
			p.await(t, tc.says)
			p.wantExit(t, tc.exit)
			if strings.Contains(p.screen.String(), askStore) {
				t.Error("it asks")
			}
			if s.config() != tc.after {
				t.Errorf("got config.toml %q, want %q", s.config(), tc.after)
			}
		})
	}
}

// --store changes the store of a daemon that runs, and asks for what that needs.
func TestStoreFlagAtATerminal(t *testing.T) {
	s := barePlace(t, "[keystore]\nbackend = \"memory\" # for now\n")
	p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "", s.login("--store", "file")...)
	p.answers(t, askFirst, passphrase, askSecond, passphrase)
	p.await(t, "work: logged in as ada@example.com")
	p.wantExit(t, 0)
	if want := "[keystore]\nbackend = \"file\" # for now\n"; s.config() != want {
		t.Errorf("got config.toml %q, want %q", s.config(), want)
	}
	if exit, _, stderr := s.run(t, "", append([]string{"oauthd"}, s.login("--store", "memory")...)...); exit != 2 ||
		!strings.Contains(stderr, "the file store holds credentials") || !strings.Contains(stderr, "oauthd logout NAME") {
		t.Errorf("to memory: got exit %d, %s, want it refused", exit, stderr)
	}
	if exit, _, stderr := s.run(t, "", append([]string{"oauthd"}, s.login("--store", "keychain")...)...); exit != 2 ||
		!strings.Contains(stderr, "oauthd keystore migrate --to keychain") {
		t.Errorf("to the keychain: got exit %d, %s, want it refused", exit, stderr)
	}
	s.wantToken(t)
}

// Every verb that needs a file store has a person open it in place.
func TestOpenedInPlace(t *testing.T) {
	s := newSeat(t, oauthtest.Config{})
	s.env = append(s.env, "BROWSER=agent allow")
	s.write(t, filepath.Join("home", ".config", "oauthd", "config.toml"), "[keystore]\nbackend = \"file\"\n")
	s.stopAtEnd(t)
	window := pty.Winsize{Rows: 24, Cols: 80}
	lock := func() {
		t.Helper()
		if exit, _, stderr := s.run(t, "", "oauthd", "lock"); exit != 0 {
			t.Fatalf("lock: got exit %d, %s", exit, stderr)
		}
	}
	p := s.start(t, window, "", s.login()...)
	p.answers(t, askFirst, passphrase, askSecond, passphrase)
	p.await(t, "work: logged in as ada@example.com")
	p.wantExit(t, 0)

	for _, tc := range []struct {
		args              []string
		redirection, says string
	}{
		{[]string{"token", "work"}, ">token", ""},
		{[]string{"exec", "-e", "TOKEN=work", "--", "sh", "-c", `test -n "$TOKEN" && echo started`}, "", "started"},
		{s.login(), "", "work: logged in as ada@example.com"},
		{[]string{"logout", "work"}, "", "work: "},
		{[]string{"account", "remove", "work"}, "", "work: removed"},
	} {
		lock()
		p := s.start(t, window, tc.redirection, tc.args...)
		if tc.args[0] == "token" {
			p.answers(t, askPassphraseQ, "correct horse two")
			p.await(t, "the passphrase is wrong; try again")
			p.answers(t, askPassphraseQ, "")
		}
		p.answers(t, askPassphraseQ, passphrase)
		p.await(t, tc.says)
		p.wantExit(t, 0)
	}

	lock()
	for _, key := range []string{ctrlC, ctrlD} {
		p := s.start(t, window, "", s.login()...)
		p.await(t, askPassphraseQ)
		p.press(t, key)
		p.await(t, "oauthd: interrupted")
		p.wantExit(t, 130)
	}
	for _, redirection := range []string{"</dev/null", "2>&1 | cat", "2>seen"} {
		p := s.start(t, window, redirection, s.login()...)
		want := 5
		if strings.HasSuffix(redirection, "cat") {
			want = 0 // the exit status is that of cat
		}
		p.wantExit(t, want)
		if strings.Contains(p.screen.String(), "Passphrase") {
			t.Errorf("%s: it asks", redirection)
		}
	}
}

// A security key's PIN is asked for once at a time, because the key counts the wrong ones.
func TestPINOfAPlugin(t *testing.T) {
	const pin = "271828"
	identity, err := pinIdentity(pin)
	if err != nil {
		t.Fatal(err)
	}
	s := barePlace(t, "")
	s.write(t, "key.txt", identity+"\n")
	window := pty.Winsize{Rows: 24, Cols: 80}
	p := s.start(t, window, "", s.login()...)
	p.answers(t, askStore, "identity", askIdentity, "key.txt")
	p.await(t, "work: logged in as ada@example.com")
	p.wantExit(t, 0)
	if exit, _, stderr := s.run(t, "", "oauthd", "stop"); exit != 0 {
		t.Fatalf("stop: got exit %d, %s", exit, stderr)
	}
	const ask = "PIN of the identity that opens the file store: "
	for _, step := range []struct {
		press, says string
		args        []string
		exit        int
	}{
		{ctrlC, "oauthd: interrupted", []string{"token", "work"}, 130},
		{"314159" + enter, "oauthd: the identity file does not open the file store", []string{"token", "work"}, 2},
		{pin + enter, "", []string{"token", "work"}, 0},
		{pin + enter, "oauthd: unlocked", []string{"unlock"}, 0},
	} {
		p := s.start(t, window, ">token", step.args...)
		p.await(t, ask)
		p.press(t, step.press)
		p.await(t, step.says)
		p.wantExit(t, step.exit)
		if strings.Contains(p.screen.String(), pin) {
			t.Error("the screen shows the PIN")
		}
		if exit, _, stderr := s.run(t, "", "oauthd", "lock"); step.exit == 0 && exit != 0 {
			t.Fatalf("lock: got exit %d, %s", exit, stderr)
		}
	}
}

// The move to another store asks until the passphrase is right, too.
func TestMigrateAtATerminal(t *testing.T) {
	s := barePlace(t, "[keystore]\nbackend = \"keychain\"\n")
	p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "", "keystore", "migrate", "--to", "file")
	p.answers(t, askFirst, passphrase, askSecond, passphrase+"x", askFirst, passphrase, askSecond, passphrase)
	p.await(t, "records moved from keychain to file: 0")
	p.wantExit(t, 0)
	p = s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "", "keystore", "migrate", "--to", "file")
	p.answers(t, askPassphraseQ, "correct horse two")
	p.await(t, "the passphrase is wrong; try again")
	p.answers(t, askPassphraseQ, passphrase)
	p.await(t, "records moved from keychain to file: 0")
	p.wantExit(t, 0)
}

// A store that was given is not asked for, and the wizard asks the rest.
func TestStoreFlagOfTheWizard(t *testing.T) {
	s := barePlace(t, "")
	p := s.start(t, pty.Winsize{Rows: 24, Cols: 80}, "", "login", "--store", "memory")
	p.answers(t, askProvider, s.provider.Issuer(), askClientID, "native", askSecret, "", askScopes, "", askName, "")
	p.await(t, "stored", "only in memory, until the daemon ends")
	p.answers(t, askConfirm, "")
	p.await(t, "backend = \"memory\" now", "work: logged in as ada@example.com")
	p.wantExit(t, 0)
}

// pinIdentity returns a line for an identity file.
func pinIdentity(pin string) (string, error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return "", err
	}
	return plugin.EncodeIdentity(pinPlugin, []byte(key.String()+" "+pin)), nil
}
