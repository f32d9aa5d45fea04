package redirect

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"oauthd/ipc/api/apitest"
)

func TestResponsePrintsRedacted(t *testing.T) {
	code := testCode
	r := Response{&code}
	holder := struct{ r Response }{r}
	encoded, err := json.Marshal(map[string]any{"response": r})
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{
		"%v": fmt.Sprint(r), "%+v": fmt.Sprintf("%+v", r), "%#v": fmt.Sprintf("%#v", r), "%s": fmt.Sprintf("%s", r),
		"%x": fmt.Sprintf("%x", r), "pointer": fmt.Sprintf("%+v", &r), "in a struct": fmt.Sprintf("%+v", holder),
		"in a struct, Go syntax": fmt.Sprintf("%#v", holder), "JSON": string(encoded),
	} {
		if strings.Contains(got, testCode) || strings.Contains(got, fmt.Sprintf("%x", testCode)) {
			t.Errorf("%s shows the code", name)
		}
	}
	if got := fmt.Sprint(r); got != "[redacted]" {
		t.Errorf("got %q, want [redacted]", got)
	}
	if r.Code() != testCode || (Response{}).Code() != "" {
		t.Error("Code does not give what was there")
	}
}

func TestAuthorizationErrorIsFiltered(t *testing.T) {
	tests := []struct{ name, code, description, want string }{
		{"plain", "access_denied", "", "authorization refused: access_denied"},
		{"described", "invalid_scope", "unknown scope", "authorization refused: invalid_scope: unknown scope"},
		{"terminal escapes", "a\x1b]0;x\x07b", "\x1b[2Jgone\r\n", "authorization refused: a]0;xb: [2Jgone"},
		{"other scripts", "a\u200bb", "né\u202e\xff", "authorization refused: ab: né\ufffd"},
		{
			"long", strings.Repeat("e", 300), strings.Repeat("d", 2000),
			"authorization refused: " + strings.Repeat("e", 200) + "…: " + strings.Repeat("d", 200) + "…",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := url.Values{"state": {testState}, "error": {tt.code}, "error_description": {tt.description}}
			_, err := parseResponse(q.Encode(), Config{State: testState})
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func FuzzParseResponse(f *testing.F) {
	for _, seed := range []string{
		"", "state=" + testState, "state=" + testState + "&code=abc", "code=abc", "state=" + testState + "&error=x%1b",
		"state=" + testState + "&code=abc&iss=https%3A%2F%2Fas.example.com", "state=" + testState + "&iss=x&error=y",
		"state=" + testState + "&state=" + testState, "%zz", "a;b", "state=" + testState + "&error=%00&code=abc",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, query string, require bool) {
		r, err := parseResponse(query, Config{State: testState, Issuer: testIssuer, RequireIssuer: require})
		if (err == nil) != (r.Code() != "") {
			t.Fatalf("got a code %t with error %v", r.Code() != "", err)
		}
		if _, ok := errors.AsType[Mistake](err); ok {
			return
		}
		// Whatever has an effect has proven itself, by an independent look at the query.
		params, parseErr := url.ParseQuery(strings.ReplaceAll(query, ";", "%3b"))
		if params.Get("state") != testState || err == nil && (parseErr != nil || len(params["state"]) > 1) {
			t.Fatal("a query without the state had an effect")
		}
		iss := params.Get("iss")
		if iss != testIssuer && (iss != "" || require) && !errors.Is(err, ErrIssuerMismatch) && !errors.Is(err, ErrRepeated) {
			t.Fatalf("a query of another issuer was judged: %v", err)
		}
		if len(r.Code()) > maxCode {
			t.Fatal("the code is too long")
		}
		if refused, ok := errors.AsType[*AuthorizationError](err); ok {
			for name, text := range map[string]string{"code": refused.Code, "description": refused.Description} {
				if bad := apitest.Unprintable(text); bad != "" || strings.Contains(text, "\n") || utf8.RuneCountInString(text) > 201 {
					t.Fatalf("%s: got %q, want an excerpt", name, text)
				}
			}
			if refused.Code == "" {
				t.Fatal("got no code")
			}
		}
	})
}
