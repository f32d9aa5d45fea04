package api_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"oauthd/ipc/api"
)

func TestForm(t *testing.T) {
	end := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	tok := api.Token{AccessToken: "at-1", TokenType: "Bearer", Scope: "email", IDToken: "id-1", Account: "work", ExpiresAt: &end}
	sasl := base64.StdEncoding.EncodeToString
	for _, tt := range []struct {
		name string
		form api.Form
		want string
	}{
		{"nothing said", api.Form{}, "at-1"},
		{"raw", api.Form{Format: "raw"}, "at-1"},
		{"the ID token", api.Form{IDToken: true}, "id-1"},
		{"header", api.Form{Format: "header"}, "Authorization: Bearer at-1"},
		{"header of the ID token", api.Form{Format: "header", IDToken: true}, "Authorization: Bearer id-1"},
		{"headers", api.Form{Format: "headers"}, `{"Authorization":"Bearer at-1"}`},
		{"bearer", api.Form{Format: "bearer"}, "Bearer at-1"},
		{"env", api.Form{Format: "env"}, "ACCESS_TOKEN=at-1\nTOKEN_TYPE=Bearer\nEXPIRES_AT=2030-01-02T03:04:05Z"},
		{"env with the ID token", api.Form{Format: "env", IDToken: true},
			"ACCESS_TOKEN=at-1\nTOKEN_TYPE=Bearer\nID_TOKEN=id-1\nEXPIRES_AT=2030-01-02T03:04:05Z"},
		{"xoauth2", api.Form{Format: "xoauth2", User: "ada@example.com"}, sasl([]byte("user=ada@example.com\x01auth=Bearer at-1\x01\x01"))},
		{"oauthbearer", api.Form{Format: "oauthbearer", User: "ada@example.com"}, sasl([]byte("n,a=ada@example.com,\x01auth=Bearer at-1\x01\x01"))},
		{"oauthbearer of RFC 7628 section 4.1", api.Form{Format: "oauthbearer", User: "user@example.com", Host: "server.example.com", Port: 143},
			sasl([]byte("n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer at-1\x01\x01"))},
		{"oauthbearer of an odd user", api.Form{Format: "oauthbearer", User: "a=b,c"}, sasl([]byte("n,a=a=3Db=2Cc,\x01auth=Bearer at-1\x01\x01"))},
		{"template", api.Form{Template: "machine x password {{token}}\n"}, "machine x password at-1\n"},
		{"every value", api.Form{Template: "{{token}} {{id_token}} {{token_type}} {{scope}} {{account}} {{user}} {{expires_at}} {{expires_unix}}", User: "ada"},
			"at-1 id-1 Bearer email work ada 2030-01-02T03:04:05Z 1893553445"},
		{"single braces are text", api.Form{Template: `{"a":{"token":"{{token}}"}}`}, `{"a":{"token":"at-1"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.form.Check(); err != nil {
				t.Fatalf("got %v, want it to be right", err)
			}
			if got, err := tt.form.Text(tok); got != tt.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
	text, err := api.Form{Format: "json"}.Text(tok)
	if !strings.HasPrefix(text, `{"access_token":"at-1","token_type":"Bearer"`) || strings.Contains(text, "\n") || err != nil {
		t.Errorf("json: got %q, %v", text, err)
	}
	if got, err := (api.Form{Template: "{{token}}{{expires_at}}"}).Text(api.Token{AccessToken: "at-1"}); got != "at-1" || err != nil {
		t.Errorf("a token without end: got %q, %v", got, err)
	}
}

// A provider chooses its tokens, and a shell runs what $( says.
func TestFormOfABoundToken(t *testing.T) {
	tok := api.Token{AccessToken: "at-1", TokenType: "DPoP", IDToken: "id-1", Account: "work"}
	for _, tt := range []struct {
		form    api.Form
		want    string
		refused bool
	}{
		{api.Form{}, "at-1", false},
		{api.Form{Format: "header"}, "Authorization: DPoP at-1", false},
		{api.Form{Format: "headers"}, `{"Authorization":"DPoP at-1"}`, false},
		{api.Form{Format: "bearer"}, "DPoP at-1", false},
		{api.Form{Format: "env"}, "ACCESS_TOKEN=at-1\nTOKEN_TYPE=DPoP", false},
		{api.Form{Format: "json"}, `{"access_token":"at-1","token_type":"DPoP","id_token":"id-1","account":"work"}`, false},
		{api.Form{Format: "header", IDToken: true}, "Authorization: Bearer id-1", false},
		{api.Form{Format: "xoauth2", User: "ada"}, "", true},
		{api.Form{Format: "oauthbearer", User: "ada"}, "", true},
	} {
		got, err := tt.form.Text(tok)
		if got != tt.want || errors.Is(err, &api.Error{Code: api.Unsupported}) != tt.refused {
			t.Errorf("%+v: got %q, %v; want %q, refused %t", tt.form, got, err, tt.want, tt.refused)
		}
	}
}

func TestFormKeepsCommandsFromShells(t *testing.T) {
	for _, token := range []string{"$(reboot)", "a;b", "a b", "a\nB=c", "`x`", "a'b", `a"b`, "a&b", "a\\b", "a#b"} {
		got, err := api.Form{Format: "env"}.Text(api.Token{AccessToken: token, TokenType: "Bearer"})
		if got != "" || !errors.Is(err, &api.Error{Code: api.Unsupported}) || strings.Contains(err.Error(), token) {
			t.Errorf("%q: got %q, %v, want it refused and not quoted", token, got, err)
		}
	}
}

func TestFormCheck(t *testing.T) {
	for _, tt := range []struct {
		name string
		form api.Form
		want string
	}{
		{"unknown format", api.Form{Format: "yaml"}, `there is no format "yaml"`},
		{"format and template", api.Form{Format: "json", Template: "{{token}}"}, "exclude each other"},
		{"a user for nothing", api.Form{User: "ada"}, "a user makes sense only"},
		{"a host for xoauth2", api.Form{Format: "xoauth2", Host: "imap.example.com"}, "a host and a port make sense only"},
		{"a port for nothing", api.Form{Port: 993}, "a host and a port make sense only"},
		{"too high a port", api.Form{Format: "oauthbearer", Port: 65536}, "65536 is not a port"},
		{"a negative port", api.Form{Format: "oauthbearer", Port: -1}, "-1 is not a port"},
		{"a user that forges a part", api.Form{Format: "xoauth2", User: "ada\x01auth=x"}, "the user has control characters"},
		{"a host that forges a part", api.Form{Format: "oauthbearer", Host: "a\x01b"}, "is not a host"},
		{"a URL for a host", api.Form{Format: "oauthbearer", Host: "https://a"}, "is not a host"},
		{"a template without a token", api.Form{Template: "password"}, "has no place for the token"},
		{"an unknown name", api.Form{Template: "{{token}} {{tokn}}"}, "the template has {{tokn}}, which stands for nothing"},
		{"a name in spaces", api.Form{Template: "{{ token }}"}, "which stands for nothing"},
		{"open braces", api.Form{Template: "{{token}} {{"}, "has no }}"},
		{"a huge template", api.Form{Template: "{{token}}" + strings.Repeat("x", api.MaxTemplate)}, "has more than 65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.form.Check()
			var e *api.Error
			if !errors.As(err, &e) || e.Code != api.BadRequest || !strings.Contains(e.Message, tt.want) || e.Hint == "" {
				t.Errorf("got %v, want %q and a hint", err, tt.want)
			}
		})
	}
}

func TestFormWantsUser(t *testing.T) {
	for _, tt := range []struct {
		form api.Form
		want bool
	}{
		{api.Form{Format: "xoauth2"}, true}, {api.Form{Format: "oauthbearer"}, true}, {api.Form{Template: "{{user}}{{token}}"}, true},
		{api.Form{Format: "xoauth2", User: "ada"}, false}, {api.Form{Format: "header"}, false}, {api.Form{Template: "{{token}}"}, false},
	} {
		if got := tt.form.WantsUser(); got != tt.want {
			t.Errorf("%+v: got %v, want %v", tt.form, got, tt.want)
		}
	}
}
