package config

import (
	"strings"
	"testing"
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
