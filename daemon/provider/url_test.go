package provider

import (
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	for raw, ok := range map[string]bool{
		"https://login.example.com/token":                  true,
		"https://login.example.com/t?a=b":                  true,
		"https://login.example.com:8443":                   true,
		"http://127.0.0.1:8080/token":                      true,
		"http://127.9.9.9/token":                           true,
		"http://[::1]:8080/token":                          true,
		"http://localhost:8080/token":                      true,
		"":                                                 false,
		"http://login.example.com/token":                   false,
		"http://127.0.0.1.example.com/":                    false,
		"http://localhost.example.com/":                    false,
		"http://0.0.0.0/":                                  false,
		"http://[fe80::1%25lo]/":                           false,
		"http://127.1/":                                    false,
		"http://2130706433/":                               false,
		"HTTP://example.com/":                              false,
		"ftp://example.com/":                               false,
		"file:///etc/passwd":                               false,
		"javascript:alert(1)":                              false,
		"-https://example.com/":                            false,
		"--flag":                                           false,
		"https:example.com":                                false,
		"https:///token":                                   false,
		"https://u:p@example.com/":                         false,
		"https://u@example.com/":                           false,
		"https://@example.com/":                            false,
		"http://127.0.0.1:80@example.com/":                 false,
		"https://example.com/#f":                           false,
		"https://example.com/#":                            false,
		"https://example.com:0/":                           false,
		"https://example.com:/":                            false,
		"https://example.com:70000/":                       false,
		"https://example.com/\n":                           false,
		"https://example.com/a b":                          false,
		"https://exa\tmple.com/":                           false,
		"https://example.com/$(id)`x`":                     false,
		"https://exämple.com/":                             false,
		"https://example.com\\@127.0.0.1/":                 false,
		"//example.com/":                                   false,
		"https://" + strings.Repeat("a", 3e3):              false,
		"https://exampl%C3%A9.com/":                        false,
		"https://exam%7Fple.com/":                          false,
		"https://example.com/\x7f":                         false,
		"https://example.com/~a":                           true,
		"http://[::1%25lo]/":                               false,
		"https://example.com:1/":                           true,
		"https://example.com/" + strings.Repeat("a", 2028): true,
		"https://example.com/" + strings.Repeat("a", 2029): false,
	} {
		err := CheckURL(raw)
		if (err == nil) != ok {
			t.Errorf("%.60q: got %v, want ok=%v", raw, err, ok)
		}
		if err != nil && strings.Contains(err.Error(), "example") {
			t.Errorf("%q: the error quotes the URL: %v", raw, err)
		}
	}
	if CheckIssuer("https://example.com/?a=b") == nil || CheckIssuer("https://example.com/?") == nil {
		t.Error("an issuer with a query passes")
	}
}
