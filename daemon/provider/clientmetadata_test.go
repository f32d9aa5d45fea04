package provider

import (
	"strings"
	"testing"
)

func TestCheckClientIDMetadata(t *testing.T) {
	for _, test := range []struct{ url, wrong string }{
		{"https://ada.example.com/oauthd.json", ""},
		{"https://ada.example.com:8443/a/b.json?v=2", ""},
		{"https://ada.example.com/a..b/...", ""},
		{"", "empty"},
		{"https://ada.example.com", "no path"},
		{"https://ada.example.com/", "no path"},
		{"https://ada.example.com?/x", "no path"},
		{"http://ada.example.com/oauthd.json", "not https"},
		{"http://127.0.0.1/oauthd.json", "not https"},
		{"ftp://ada.example.com/oauthd.json", "not https"},
		{"ada.example.com/oauthd.json", "not https"},
		{"https://ada:hunter2@ada.example.com/oauthd.json", "user information"},
		{"https://ada.example.com/oauthd.json#", "fragment"},
		{"https://ada.example.com/a/../oauthd.json", "dot segment"},
		{"https://ada.example.com/./oauthd.json", "dot segment"},
		{"https://ada.example.com/a/..", "dot segment"},
		{"https://ada.example.com/%2E%2e/oauthd.json", "dot segment"},
		{"https://ada.example.com/a b", "character"},
		{"https:///oauthd.json", "no host"},
	} {
		err := CheckClientIDMetadata(test.url)
		switch {
		case (err == nil) != (test.wrong == ""), err != nil && !strings.Contains(err.Error(), test.wrong):
			t.Errorf("%s: got %v, want an error with %q", test.url, err, test.wrong)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: the error quotes it: %v", test.url, err)
		}
	}
}
