package config

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"

	"pgregory.net/rapid"
)

const google = "provider = \"google\"\nclient_id = \"%s\"\n"

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	at := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, r *Reader) *Config {
	t.Helper()
	c, err := r.Read(context.Background())
	if err != nil {
		t.Fatalf("got error %v, want none", err)
	}
	return c
}

// settled reads until the files are old enough to be trusted, so that nothing is read twice.
func settled(t testing.TB, r *Reader) *Config {
	t.Helper()
	for start := time.Now(); time.Since(start) < 10*time.Second; {
		if c := read(t, r); c == read(t, r) {
			return c
		}
	}
	t.Fatal("got another Config at each reading, want the same one")
	return nil
}

// clients returns the client ids by account.
func clients(c *Config) map[string]string {
	ids := map[string]string{}
	for name, a := range c.Accounts {
		ids[name] = a.ClientID
	}
	return ids
}

func TestReaderReadsWhatChanged(t *testing.T) {
	start := map[string]string{
		"config.toml":           "[providers.corp]\nissuer = \"https://login.example.com\"\n",
		"accounts/a.toml":       fmt.Sprintf(google, "a1"),
		"accounts/b.toml":       "provider = \"corp\"\nclient_id = \"b1\"\n",
		"accounts/c.toml":       "client_secrets = \"c.json\"\n",
		"accounts/c.json":       strings.ReplaceAll(desktopClient, `"app"`, `"c1"`),
		"accounts/.hidden.toml": "x",
		"accounts/notes.txt":    "x",
	}
	before := map[string]string{"a": "a1", "b": "b1", "c": "c1"}
	for _, tt := range []struct {
		name    string
		change  func(t *testing.T, dir string)
		reread  []string
		changed []string
		want    map[string]string // what differs from before; "" means gone
		wrong   string
	}{
		{name: "nothing", change: func(*testing.T, string) {}},
		{name: "another size", reread: []string{"a"}, changed: []string{"a"}, want: map[string]string{"a": "longer"},
			change: func(t *testing.T, dir string) { write(t, dir, "accounts/a.toml", fmt.Sprintf(google, "longer")) }},
		{name: "the same size", reread: []string{"a"}, changed: []string{"a"}, want: map[string]string{"a": "a2"},
			change: func(t *testing.T, dir string) { write(t, dir, "accounts/a.toml", fmt.Sprintf(google, "a2")) }},
		{name: "a new file", reread: []string{"n"}, changed: []string{"n"}, want: map[string]string{"n": "n1"},
			change: func(t *testing.T, dir string) { write(t, dir, "accounts/n.toml", fmt.Sprintf(google, "n1")) }},
		{name: "a removed file", changed: []string{"a"}, want: map[string]string{"a": ""},
			change: func(t *testing.T, dir string) { remove(t, AccountFile(dir, "a")) }},
		{name: "one for another", reread: []string{"n"}, changed: []string{"a", "n"}, want: map[string]string{"a": "", "n": "a1"},
			change: func(t *testing.T, dir string) { rename(t, AccountFile(dir, "a"), AccountFile(dir, "n")) }},
		{name: "the directory is gone", changed: []string{"a", "b", "c"}, want: map[string]string{"a": "", "b": "", "c": ""},
			change: func(t *testing.T, dir string) { rename(t, filepath.Join(dir, "accounts"), filepath.Join(dir, "old")) }},
		{name: "the directory cannot be listed", wrong: "accounts: is a file, not a directory",
			change: func(t *testing.T, dir string) {
				rename(t, filepath.Join(dir, "accounts"), filepath.Join(dir, "old"))
				write(t, dir, "accounts", "")
			}},
		{name: "touched", reread: []string{"a"},
			change: func(t *testing.T, dir string) { write(t, dir, "accounts/a.toml", start["accounts/a.toml"]) }},
		{name: "a mistake", reread: []string{"a"}, wrong: "accounts/a.toml:3: unknown key",
			change: func(t *testing.T, dir string) {
				write(t, dir, "accounts/a.toml", fmt.Sprintf(google, "wrong")+"colour = 1\n")
			}},
		{name: "a new file with a mistake", reread: []string{"n"}, wrong: "accounts/n.toml: the account has no client",
			change: func(t *testing.T, dir string) { write(t, dir, "accounts/n.toml", "provider = \"google\"\n") }},
		{name: "a name no account may have", reread: []string{"N"}, wrong: `"N" cannot be an account name`,
			change: func(t *testing.T, dir string) { write(t, dir, "accounts/N.toml", fmt.Sprintf(google, "n1")) }},
		{name: "the client_secrets file", reread: []string{"c"}, changed: []string{"c"}, want: map[string]string{"c": "c2"},
			change: func(t *testing.T, dir string) {
				write(t, dir, "accounts/c.json", strings.ReplaceAll(desktopClient, `"app"`, `"c2"`))
			}},
		{name: "the client_secrets file is gone", reread: []string{"c"}, wrong: "accounts/c.toml:1: client_secrets",
			change: func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "accounts", "c.json")) }},
		{name: "a provider's table", reread: []string{"b"}, changed: []string{"b"},
			change: func(t *testing.T, dir string) {
				write(t, dir, "config.toml", "[providers.corp]\nissuer = \"https://login.example.org\"\n")
			}},
		{name: "another provider's table",
			change: func(t *testing.T, dir string) {
				write(t, dir, "config.toml", start["config.toml"]+"[providers.other]\nissuer = \"https://login.example.org\"\n")
			}},
		{name: "a provider's table is gone", reread: []string{"b"}, changed: []string{"b"}, wrong: `accounts/b.toml:1: unknown provider "corp"`,
			change: func(t *testing.T, dir string) { remove(t, MainFile(dir)) }},
		{name: "a mistake in config.toml", wrong: "config.toml:1: unknown key",
			change: func(t *testing.T, dir string) { write(t, dir, "config.toml", "colour = 1\n") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := files(t, start)
			r := NewReader(dir, nil)
			first := settled(t, r)
			if got := clients(first); !maps.Equal(got, before) || first.Err() != nil {
				t.Fatalf("got %v, %v; want %v", got, first.Err(), before)
			}
			tt.change(t, dir)
			second := read(t, r)

			want := maps.Clone(before)
			for name, id := range tt.want {
				if want[name] = id; id == "" {
					delete(want, name)
				}
			}
			if got := clients(second); !maps.Equal(got, want) {
				t.Errorf("got clients %v, want %v", got, want)
			}
			if got := second.Changed(first); !slices.Equal(got, tt.changed) {
				t.Errorf("got changed %q, want %q", got, tt.changed)
			}
			var reread []string
			for name, f := range second.files {
				if first.files[name] != f {
					reread = append(reread, name)
				}
			}
			for name, a := range first.Accounts {
				if !slices.Contains(tt.changed, name) && second.Accounts[name] != a {
					t.Errorf("%s: got a copy, want the account shared", name)
				}
			}
			slices.Sort(reread)
			if !slices.Equal(reread, tt.reread) {
				t.Errorf("got files read again %q, want %q", reread, tt.reread)
			}
			err := second.Err()
			if tt.wrong == "" && err != nil || tt.wrong != "" && (err == nil || !strings.Contains(filepath.ToSlash(err.Error()), tt.wrong)) {
				t.Errorf("got mistakes %v, want %q", err, tt.wrong)
			}
			if got := clients(first); !maps.Equal(got, before) {
				t.Errorf("the earlier Config changed: got %v, want %v", got, before)
			}

			// And back again.
			if err := errors.Join(os.RemoveAll(filepath.Join(dir, "accounts")), os.RemoveAll(MainFile(dir))); err != nil {
				t.Fatal(err)
			}
			for name, text := range start {
				write(t, dir, name, text)
			}
			if third := read(t, r); !maps.Equal(clients(third), before) || third.Err() != nil || len(third.Changed(first)) > 0 {
				t.Errorf("put back: got %v, %v, changed %q; want %v", clients(third), third.Err(), third.Changed(first), before)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestReaderFollowsLinks(t *testing.T) {
	dir := files(t, map[string]string{"dotfiles/work.toml": fmt.Sprintf(google, "a1"), "accounts/x.txt": ""})
	if err := os.Symlink(filepath.Join(dir, "dotfiles", "work.toml"), AccountFile(dir, "work")); err != nil {
		t.Skip("this system has no links for us:", err)
	}
	r := NewReader(dir, nil)
	settled(t, r)
	write(t, dir, "dotfiles/work.toml", fmt.Sprintf(google, "a2"))
	if got := clients(read(t, r)); got["work"] != "a2" {
		t.Errorf("got %v, want what the link's target says now", got)
	}
	remove(t, filepath.Join(dir, "dotfiles", "work.toml"))
	if c := read(t, r); len(c.Accounts) != 0 {
		t.Errorf("got %v, want none: the link leads nowhere", clients(c))
	}
}

// Mistakes are as Load reports them, and stay until the file is corrected, though the file is not read again.
func TestReaderRemembersMistakes(t *testing.T) {
	dir := files(t, map[string]string{
		"config.toml":     "[keystore]\nbackend = \"drawer\"\n[providers.corp]\nissuer = \"ftp://x\"\n",
		"accounts/a.toml": "scopes = 3\n", "accounts/b.toml": "provider = \"corp\"\n", "accounts/B.toml": "", "accounts/ok.toml": fmt.Sprintf(google, "app"),
	})
	_, want := Load(dir)
	r := NewReader(dir, nil)
	for range 3 {
		c := settled(t, r)
		if got := c.Err(); got == nil || got.Error() != want.Error() {
			t.Errorf("got %v, want %v", got, want)
		}
		if len(c.Accounts) != 1 {
			t.Errorf("got %v, want the right one", clients(c))
		}
	}
	write(t, dir, "accounts/a.toml", fmt.Sprintf(google, "app"))
	if got := read(t, r).Err().Error(); strings.Contains(got, "a.toml") || !strings.Contains(got, "b.toml") || !strings.Contains(got, "config.toml:2") {
		t.Errorf("got %s, want the others' mistakes", got)
	}
}

// A directory that cannot be listed is one mistake, for the reason that holds now.
func TestReaderOfADirectoryThatCannotBeListed(t *testing.T) {
	dir := files(t, map[string]string{"accounts": ""})
	r := NewReader(dir, nil)
	first := settled(t, r)
	if first.Err() == nil || read(t, r) != first {
		t.Errorf("got %v, want one mistake, and the same Config as long as nothing changes", first.Err())
	}
	remove(t, filepath.Join(dir, "accounts"))
	if err := os.Symlink(filepath.Join(dir, "accounts"), filepath.Join(dir, "accounts")); err != nil {
		t.Skip("this system has no links for us:", err)
	}
	second := read(t, r)
	if second.Err() == nil || second.Err().Error() == first.Err().Error() || len(second.invalid.Mistakes) != 1 {
		t.Errorf("got %v, then %v; want another reason", first.Err(), second.Err())
	}
	remove(t, filepath.Join(dir, "accounts"))
	if c := read(t, r); c.Err() != nil {
		t.Errorf("got %v, want no mistake", c.Err())
	}
}

// A config.toml that is wrong from the start gives what is right in it, and later one nothing new.
func TestReaderOfAWrongConfigTOML(t *testing.T) {
	dir := files(t, map[string]string{"config.toml": "[keystore]\nbackend = \"file\"\nidentity = \"id\"\ncolour = 1\n"})
	r := NewReader(dir, nil)
	want := filepath.Join(dir, "id")
	if c := read(t, r); c.Backend != "file" || c.Identity != want || c.Err() == nil {
		t.Errorf("got %q, %q, %v; want the keys that are right, and a mistake", c.Backend, c.Identity, c.Err())
	}
	write(t, dir, "config.toml", "[keystore]\nbackend = \"memory\"\ncolour = 2\n")
	if c := read(t, r); c.Backend != "file" || c.Identity != want || c.Err() == nil {
		t.Errorf("got %q, %q, %v; want all as before, and a mistake", c.Backend, c.Identity, c.Err())
	}
	write(t, dir, "config.toml", "[keystore]\nbackend = \"memory\"\n")
	if c := read(t, r); c.Backend != "memory" || c.Identity != "" || c.Err() != nil {
		t.Errorf("got %q, %q, %v; want what the file says", c.Backend, c.Identity, c.Err())
	}
}

// Whatever happens to the files, and in whatever order, what a Reader says is what a first reading says.
func TestReaderAgreesWithLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "reader-*")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		if err := os.MkdirAll(filepath.Join(dir, "accounts"), 0o700); err != nil {
			t.Fatal(err)
		}
		put := func(name, text string) {
			if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r := NewReader(dir, nil)
		name := rapid.SampledFrom([]string{"a", "b", "c"})
		digit := rapid.IntRange(0, 2)
		ctx := context.Background()
		must := func(_ *Config, err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				provider := rapid.SampledFrom([]string{"google", "corp", "gitlab"}).Draw(t, "provider")
				put("accounts/"+name.Draw(t, "name")+".toml", fmt.Sprintf("provider = %q\nclient_id = \"%d\"\n", provider, digit.Draw(t, "n")))
			},
			"secrets": func(t *rapid.T) {
				put("accounts/"+name.Draw(t, "name")+".toml", "client_secrets = \"c.json\"\n")
			},
			"client": func(t *rapid.T) {
				put("accounts/c.json", strings.ReplaceAll(desktopClient, `"app"`, fmt.Sprintf(`"%d"`, digit.Draw(t, "n"))))
			},
			"remove": func(t *rapid.T) { os.Remove(AccountFile(dir, name.Draw(t, "name"))) },
			"rename": func(t *rapid.T) {
				os.Rename(AccountFile(dir, name.Draw(t, "from")), AccountFile(dir, name.Draw(t, "to")))
			},
			"config": func(t *rapid.T) {
				put("config.toml", fmt.Sprintf("[providers.corp]\nissuer = \"https://login%d.example.com\"\n", digit.Draw(t, "n")))
			},
			"look": func(t *rapid.T) { must(r.Read(ctx)) },
			"save": func(t *rapid.T) {
				must(r.Save(ctx, account.Account{Name: name.Draw(t, "name"), Provider: "google", ClientID: "saved", Grant: account.GrantAuthorizationCode}))
			},
			"remove account": func(t *rapid.T) { must(r.Remove(ctx, name.Draw(t, "name"))) },
			"": func(t *rapid.T) {
				want, mistakes := Load(dir)
				got, err := r.Read(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if (got.Err() == nil) != (mistakes == nil) || mistakes != nil && got.Err().Error() != mistakes.Error() {
					t.Fatalf("got mistakes %v, want %v", got.Err(), mistakes)
				}
				if !reflect.DeepEqual(got.Providers, want.Providers) {
					t.Fatalf("got providers %+v, want %+v", got.Providers, want.Providers)
				}
				for _, name := range want.Names() {
					if a, ok := got.Account(name); !ok || !reflect.DeepEqual(a, *want.Accounts[name]) {
						t.Fatalf("%s: got %+v, want %+v", name, a, *want.Accounts[name])
					}
				}
				for name := range got.Accounts {
					if _, ok := want.Accounts[name]; !ok && want.files[name] == nil {
						t.Fatalf("got account %q, which has no file", name)
					}
				}
			},
		})
	})
}

func TestReaderSavesOneAccountAlone(t *testing.T) {
	dir := files(t, map[string]string{"accounts/a.toml": fmt.Sprintf(google, "a1"), "accounts/b.toml": fmt.Sprintf(google, "b1")})
	r := NewReader(dir, nil)
	first := settled(t, r)
	write(t, dir, "accounts/b.toml", fmt.Sprintf(google, "b2"))

	saved, err := r.Save(t.Context(), account.Account{Name: "n", Provider: "google", ClientID: "n1", Grant: account.GrantDeviceCode})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "a1", "b": "b1", "n": "n1"}
	if got := clients(saved); !maps.Equal(got, want) || !slices.Equal(saved.Changed(first), []string{"n"}) {
		t.Errorf("got %v, changed %q; want %v: b has not been looked at", got, saved.Changed(first), want)
	}
	if n, _ := saved.Account("n"); !n.Managed || n.File != AccountFile(dir, "n") || n.Grant != account.GrantDeviceCode {
		t.Errorf("got %+v, want it as it would be read", n)
	}
	if saved.files["a"] != first.files["a"] {
		t.Error("got a read again, want n alone")
	}

	removed, err := r.Remove(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	want = map[string]string{"b": "b1", "n": "n1"}
	if got := clients(removed); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := r.Remove(t.Context(), "a"); err != nil {
		t.Errorf("got %v, want no error for an account that has no file", err)
	}
	want = map[string]string{"b": "b2", "n": "n1"}
	if got := clients(read(t, r)); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A table of config.toml that was written just before an account that needs it is known.
func TestReaderSavesAfterConfigTOMLChanged(t *testing.T) {
	dir := files(t, map[string]string{"accounts/a.toml": fmt.Sprintf(google, "a1")})
	r := NewReader(dir, nil)
	settled(t, r)
	write(t, dir, "config.toml", "[providers.corp]\nissuer = \"https://login.example.com\"\n")
	c, err := r.Save(t.Context(), account.Account{Name: "n", Provider: "corp", ClientID: "n1", Grant: account.GrantAuthorizationCode})
	if err != nil || c.Err() != nil || !maps.Equal(clients(c), map[string]string{"a": "a1", "n": "n1"}) {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestReaderSaveThatFails(t *testing.T) {
	dir := files(t, map[string]string{"accounts": ""})
	r := NewReader(dir, nil)
	if _, err := r.Save(t.Context(), account.Account{Name: "n", Provider: "google", ClientID: "n1"}); err == nil {
		t.Error("got no error, want one: accounts is a file")
	}
	if _, err := r.Read(t.Context()); err != nil {
		t.Errorf("got %v, want a Reader that still reads", err)
	}
}

func TestReaderContinues(t *testing.T) {
	dir := files(t, map[string]string{"config.toml": "", "accounts/a.toml": fmt.Sprintf(google, "a1")})
	first := settled(t, NewReader(dir, nil))
	if got := read(t, NewReader(dir, first)); got != first {
		t.Error("got another Config, want the one that it continues from")
	}
	elsewhere := files(t, map[string]string{"accounts/b.toml": fmt.Sprintf(google, "b1")})
	for name, from := range map[string]*Config{"another directory": first, "made by hand": {}} {
		if got := clients(read(t, NewReader(elsewhere, from))); !maps.Equal(got, map[string]string{"b": "b1"}) {
			t.Errorf("%s: got %v, want what this directory has", name, got)
		}
	}
}

// Sixteen that ask while a look goes on, cost one more look together, not sixteen.
func TestReaderSharesALook(t *testing.T) {
	dir := files(t, map[string]string{"accounts/a.toml": fmt.Sprintf(google, "a1")})
	synctest.Test(t, func(t *testing.T) {
		r := NewReader(dir, nil)
		r.looks.Add(1) // a look that goes on
		r.turn <- struct{}{}
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if c, err := r.Read(t.Context()); err != nil || len(c.Accounts) != 1 {
					t.Errorf("got %v, %v; want one account: the look that goes on may have missed it", c, err)
				}
			})
		}
		synctest.Wait()
		if err := cancelled(r); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v for a caller that does not want to wait, want context.Canceled", err)
		}
		<-r.turn
		wg.Wait()
		if got := r.looks.Load(); got != 2 {
			t.Errorf("got %d looks, want 2", got)
		}
	})
}

func cancelled(r *Reader) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := r.Read(ctx)
	return err
}

// A look that its caller gave up is shared with nobody.
func TestReaderLookCutShort(t *testing.T) {
	dir := files(t, map[string]string{"accounts/a.toml": fmt.Sprintf(google, "a1")})
	r := NewReader(dir, nil)
	read(t, r)
	asked := r.looks.Load()
	write(t, dir, "accounts/b.toml", fmt.Sprintf(google, "b1"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if c, err := r.look(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, %v; want context.Canceled", c, err)
	}
	// One that has waited for its turn meanwhile looks itself.
	if c, err := r.read(t.Context(), asked); err != nil || len(c.Accounts) != 2 {
		t.Errorf("got %v, %v; want both accounts", c, err)
	}
}

func TestReaderConcurrently(t *testing.T) {
	dir := files(t, map[string]string{"accounts/a.toml": fmt.Sprintf(google, "a1")})
	r := NewReader(dir, nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := fmt.Sprintf("n%d", i)
			for range 20 {
				if c, err := r.Save(t.Context(), account.Account{Name: name, Provider: "google", ClientID: name, Grant: account.GrantAuthorizationCode}); err != nil || c.Accounts[name] == nil {
					t.Errorf("got %v, %v; want the account that was saved", c, err)
				}
				if c, err := r.Read(t.Context()); err != nil || c.Accounts[name] == nil || c.Accounts["a"] == nil {
					t.Errorf("got %v, %v; want the account that was saved", c, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestOlderThan(t *testing.T) {
	dir := files(t, map[string]string{"accounts/a.toml": fmt.Sprintf(google, "a1")})
	r := NewReader(dir, nil)
	first := settled(t, r)
	saved, err := r.Save(t.Context(), account.Account{Name: "n", Provider: "google", ClientID: "n1"})
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "accounts/a.toml", fmt.Sprintf(google, "a2"))
	last := read(t, r)
	for i, c := range []*Config{first, saved, last} {
		for j, other := range []*Config{first, saved, last} {
			if got := c.OlderThan(other); got != (i < j) {
				t.Errorf("%d and %d: got older %t, want %t", i, j, got, i < j)
			}
		}
	}
}

// What is looked at is closed again.
func TestReaderHoldsNothingOpen(t *testing.T) {
	open := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("this system does not show what is open:", err)
		}
		return len(entries)
	}
	dir := files(t, map[string]string{"accounts/a.toml": "client_secrets = \"c.json\"\n", "accounts/c.json": desktopClient, "config.toml": ""})
	before := open()
	for range 50 {
		if c, err := Load(dir); err != nil || len(c.Accounts) != 1 {
			t.Fatalf("got %v, %v; want one account", c, err)
		}
	}
	if after := open(); after > before+10 {
		t.Errorf("got %d descriptors after 50 readings, %d before", after, before)
	}
}

func TestStale(t *testing.T) {
	dir := files(t, map[string]string{"config.toml": "", "accounts/a.toml": fmt.Sprintf(google, "a1"), "accounts/b.toml": "x"})
	r := NewReader(dir, nil)
	c := settled(t, r)
	for _, name := range []string{"a", "b", "n", "../a", "", "A", strings.Repeat("n", 300)} {
		if c.Stale(name) {
			t.Errorf("%q: got stale, want not", name)
		}
	}
	write(t, dir, "accounts/a.toml", fmt.Sprintf(google, "a2"))
	write(t, dir, "accounts/n.toml", "")
	remove(t, AccountFile(dir, "b"))
	for name, want := range map[string]bool{"a": true, "b": true, "n": true, "other": false} {
		if got := c.Stale(name); got != want {
			t.Errorf("%s: got stale %t, want %t", name, got, want)
		}
	}
	write(t, dir, "config.toml", "# other\n")
	if !c.Stale("other") {
		t.Error("got not stale, want stale: config.toml changed")
	}
	if c := settled(t, r); c.Stale("a") || c.Stale("b") || c.Stale("other") {
		t.Error("got stale, want nothing stale after a reading")
	}
	rename(t, filepath.Join(dir, "accounts"), filepath.Join(dir, "old"))
	write(t, dir, "accounts", "")
	if c := read(t, r); runtime.GOOS != "windows" && !c.Stale("n") {
		t.Error("got not stale, want stale: nothing is known")
	}
}

func TestSettled(t *testing.T) {
	const second, ms = int64(time.Second), int64(time.Millisecond)
	for _, tt := range []struct {
		name         string
		mtime, ctime int64
		now          int64
		want         bool
	}{
		{"fine stamps, long ago", 5*second + 1, 5*second + 1, 6 * second, true},
		{"fine stamps, just now", 5*second + 1, 5*second + 1, 5*second + 15*ms, false},
		{"changed just now, with an old time", 1*second + 1, 5*second + 1, 5*second + 15*ms, false},
		{"written just now, without a change time", 5*second + 1, 0, 5*second + 15*ms, false},
		{"coarse stamps, a second ago", 5 * second, 5 * second, 6 * second, false},
		{"coarse stamps, a while ago", 5 * second, 5 * second, 8 * second, true},
		{"an old time set by hand", 5 * second, 5*second + 1, 6 * second, true},
		{"in the future", 9*second + 1, 9*second + 1, 6 * second, false},
	} {
		if got := (state{mtime: tt.mtime, ctime: tt.ctime}).settled(time.Unix(0, tt.now)); got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestHugeFileIsRefused(t *testing.T) {
	dir := files(t, map[string]string{"accounts/a.toml": fmt.Sprintf(google, "a1") + strings.Repeat("# long\n", maxFile/7)})
	if c, wrong := mistakes(t, dir); len(c.Accounts) != 0 || len(wrong) != 1 || !strings.Contains(wrong[0], "has more than") {
		t.Errorf("got %v, %q; want it refused", clients(c), wrong)
	}
}
