package config

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// utf16File is text as PowerShell's > saves it.
func utf16File(text string) string {
	var data []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + strings.ReplaceAll(text, "\n", "\r\n"))) {
		data = append(data, byte(unit), byte(unit>>8))
	}
	return string(data)
}

// TestEditorsAreBorneWith writes all files that a person writes as each editor may save them.
func TestEditorsAreBorneWith(t *testing.T) {
	const (
		main    = "[keystore]\nbackend = \"memory\"\n"
		work    = "provider = \"google\"\nclient_secrets = \"client.json\"\n"
		secrets = "{\"installed\":{\"client_id\":\"a1\",\"client_secret\":\"s\",\n\"auth_uri\":\"https://accounts.google.com/o/oauth2/auth\"," +
			"\"token_uri\":\"https://oauth2.googleapis.com/token\"}}\n"
	)
	for _, tt := range []struct {
		name string
		save func(text string) string
		want []string // the mistakes
	}{
		{"as it is", func(text string) string { return text }, nil},
		{"byte order mark", func(text string) string { return "\xef\xbb\xbf" + text }, nil},
		{"CRLF", func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }, nil},
		{"no last line end", func(text string) string { return strings.TrimSuffix(text, "\n") }, nil},
		{"UTF-16", utf16File, []string{"config.toml: is in UTF-16; save it as UTF-8", "accounts/work.toml: is in UTF-16; save it as UTF-8"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := files(t, map[string]string{
				"config.toml": tt.save(main), "accounts/work.toml": tt.save(work), "accounts/client.json": tt.save(secrets),
			})
			c, got := mistakes(t, dir)
			if !slices.Equal(got, tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			if a := c.Accounts["work"]; tt.want == nil && (c.Backend != "memory" || a == nil || a.ClientID != "a1") {
				t.Errorf("got backend %q and account %+v", c.Backend, a)
			}
		})
	}
	dir := files(t, map[string]string{"accounts/work.toml": work, "accounts/client.json": utf16File(secrets)})
	if _, got := mistakes(t, dir); len(got) != 1 || !strings.Contains(got[0], "client.json is in UTF-16; save it as UTF-8") {
		t.Errorf("a client_secrets file in UTF-16: got %q", got)
	}
}

// TestByteOrderMarkKeepsTheDaemonsFile edits a file of the daemon's with an editor that adds one.
func TestByteOrderMarkKeepsTheDaemonsFile(t *testing.T) {
	dir := files(t, map[string]string{"accounts/work.toml": "\xef\xbb\xbf" + header + "provider = \"google\"\nclient_id = \"a1\"\n"})
	if c, got := mistakes(t, dir); got != nil || !c.Accounts["work"].Managed {
		t.Errorf("got %q, want the file to be the daemon's still", got)
	}
}
