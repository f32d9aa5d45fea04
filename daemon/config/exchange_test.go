package config

import (
	"slices"
	"strings"
	"testing"

	"oauthd/daemon/account"
)

func TestMistakesOfNarrowerTokens(t *testing.T) {
	const client = "issuer = \"https://login.corp.example\"\nclient_id = \"app\"\n"
	for _, tt := range []struct {
		name, text string
		want       string // a part of the mistake, with its line; "" for none
	}{
		{"token exchange", client + "token_exchange = true\n", ""},
		{"without a person", client + "grant = \"client_credentials\"\ntoken_exchange = true\n", "work.toml:4: token_exchange is for"},
		{"a bucket", client + "[[allow]]\naudiences = [\"gs://bucket/reports/\", \"api\"]\n", ""},
		{"a wildcard", client + "[[allow]]\naudiences = [\"gs://bucket/*\"]\n", `work.toml:3: audiences: "gs://bucket/*": its prefix`},
		{"no bucket", client + "[[allow]]\naudiences = [\"gs://\"]\n", `work.toml:3: audiences: "gs://": its bucket`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "accounts/work.toml", tt.text)
			c, err := Load(dir)
			if tt.want == "" {
				if err != nil {
					t.Errorf("got %v, want nil", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || c.Accounts["work"] != nil {
				t.Errorf("got %v, want %q and no account", err, tt.want)
			}
		})
	}
}

// What the daemon writes is what it reads.
func TestTokenExchangeIsKept(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "accounts/work.toml", "issuer = \"https://login.corp.example\"\nclient_id = \"app\"\ntoken_exchange = true\n")
	c, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := c.Account("work")
	text, err := Encode(a)
	if err != nil || !strings.Contains(string(text), "token_exchange = true\n") {
		t.Errorf("got %q, %v; want token_exchange in it", text, err)
	}
}

const (
	corp  = "issuer = \"https://login.corp.example\"\nclient_id = \"app\"\n"
	notes = "# the notes\nissuer = \"https://auth.notes.example\"\nclient_id = \"notes-app\"\nresource = \"https://mcp.notes.example/mcp\"\nvia = "
)

func TestVia(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string // mistakes; nil for none
		lacks []string // accounts that there are not
	}{
		{"a login", map[string]string{"corp": corp, "notes": notes + `"corp"`}, nil, nil},
		{"no such account", map[string]string{"notes": notes + `"corp"`},
			[]string{`notes.toml:5: via: there is no account "corp"`}, []string{"notes"}},
		{"itself", map[string]string{"notes": notes + `"notes"`},
			[]string{"notes.toml:5: via: notes → notes goes round in a circle"}, []string{"notes"}},
		{"a circle", map[string]string{"a": notes + `"b"`, "b": notes + `"a"`}, []string{
			"a.toml:5: via: a → b → a goes round in a circle", "b.toml:5: via: b → a → b goes round in a circle",
		}, []string{"a", "b"}},
		{"a way to a circle", map[string]string{"notes": notes + `"a"`, "a": notes + `"a"`}, []string{
			"a.toml:5: via: a → a goes round in a circle", "notes.toml:5: via: notes → a → a goes round in a circle",
		}, []string{"a", "notes"}},
		{"a way", map[string]string{"corp": corp, "a": notes + `"corp"`, "notes": notes + `"a"`},
			[]string{`notes.toml:5: via: a has no login of its own; write via = "corp"`}, []string{"notes"}},
		{"a machine", map[string]string{"corp": corp + "grant = \"client_credentials\"\n", "notes": notes + `"corp"`},
			[]string{"notes.toml:5: via: corp is an account without a person"}, []string{"notes"}},
		{"no name", map[string]string{"notes": notes + `"../corp"`}, []string{"notes.toml:5: via: "}, []string{"notes"}},
		{"another grant", map[string]string{"corp": corp, "notes": notes + "\"corp\"\ngrant = \"device_code\"\n"},
			[]string{`notes.toml:5: via is for grant = "identity_assertion"`}, []string{"notes"}},
		{"the grant alone", map[string]string{"notes": corp + "grant = \"identity_assertion\"\n"},
			[]string{`notes.toml:3: grant = "identity_assertion" needs via`}, []string{"notes"}},
		{"endpoints alone", map[string]string{"corp": corp,
			"notes": "via = \"corp\"\nclient_id = \"x\"\ntoken_endpoint = \"https://auth.notes.example/token\"\n"},
			[]string{"notes.toml:1: an account with via needs issuer"}, []string{"notes"}},
		{"no client", map[string]string{"corp": corp, "notes": "via = \"corp\"\nissuer = \"https://auth.notes.example\"\n"},
			[]string{"notes.toml: the account has no client"}, []string{"notes"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range tt.files {
				write(t, dir, "accounts/"+name+".toml", text)
			}
			c, err := Load(dir)
			var got []string
			if err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			for i, want := range tt.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
			for name := range tt.files {
				if _, ok := c.Account(name); ok == slices.Contains(tt.lacks, name) {
					t.Errorf("%s: there is such an account: %t, want %t", name, ok, !ok)
				}
			}
		})
	}
}

// What an account is depends on another file: it comes and goes with that.
func TestViaFollowsTheOtherFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "accounts/notes.toml", notes+`"corp"`)
	r := NewReader(dir, nil)
	read := func(want bool) {
		t.Helper()
		c, err := r.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := c.Account("notes"); ok != want || (c.Err() == nil) != want || slices.Equal(c.Through("corp"), []string{"notes"}) != want {
			t.Errorf("got an account: %t, %v, through corp: %q; want %t", ok, c.Err(), c.Through("corp"), want)
		}
	}
	read(false)
	write(t, dir, "accounts/corp.toml", corp)
	read(true)
	write(t, dir, "accounts/corp.toml", corp+"grant = \"client_credentials\"\n")
	read(false)
	write(t, dir, "accounts/corp.toml", corp+"# again\n")
	read(true)
	if _, err := r.Remove(t.Context(), "corp"); err != nil {
		t.Fatal(err)
	}
	read(false)
}

func TestViaIsKept(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "accounts/corp.toml", corp)
	write(t, dir, "accounts/notes.toml", notes+`"corp"`)
	c, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := c.Account("notes")
	text, err := Encode(a)
	if err != nil || !strings.Contains(string(text), "via = 'corp'\n") || a.Grant != account.GrantIdentityAssertion {
		t.Errorf("got %q of grant %s, %v; want via in it", text, a.Grant, err)
	}
}
