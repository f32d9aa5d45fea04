package grant

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
)

func answerOf(status int, contentType, body string) Answer {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return Answer{
		Status: status, Header: http.Header{"Content-Type": {contentType}}, Body: []byte(body), sentAt: now, now: now,
		op: "token request", place: "https://login.example.com/token", secrets: []string{"rt-old-secret"},
	}
}

func TestTokenResponse(t *testing.T) {
	const hour = time.Hour
	j := func(more string) string { return `{"access_token":"at-1","token_type":"Bearer"` + more + `}` }
	for _, tc := range []struct {
		name, contentType, body string
		separator               string
		access, refresh         string
		lifetime                time.Duration
		scopes                  []string
	}{
		{"plain", "application/json;charset=UTF-8", j(`,"expires_in":3600,"refresh_token":"rt-2","scope":"a b"`), "", "at-1", "rt-2", hour, []string{"a", "b"}},
		{"no content type", "", j(""), "", "at-1", "", 0, nil},
		{"byte order mark", "application/json", "\xef\xbb\xbf" + j(""), "", "at-1", "", 0, nil},
		{"lower case bearer", "application/json", `{"access_token":"at-1","token_type":"bEARER"}`, "", "at-1", "", 0, nil},
		{"no token_type", "application/json", `{"access_token":"at-1"}`, "", "at-1", "", 0, nil},
		{"form", "application/x-www-form-urlencoded", "access_token=at-1&scope=repo%2Cgist&token_type=bearer&expires_in=3600", ",", "at-1", "", hour, []string{"repo", "gist"}},
		{"form as text", "text/plain; charset=utf-8", "access_token=at-1&refresh_token=rt-2", "", "at-1", "rt-2", 0, nil},
		{"json as text", "text/plain", j(""), "", "at-1", "", 0, nil},
		{"expires_in text", "application/json", j(`,"expires_in":"3600"`), "", "at-1", "", hour, nil},
		{"expires_in fraction", "application/json", j(`,"expires_in":3600.5`), "", "at-1", "", hour + 500*time.Millisecond, nil},
		{"expires_in fraction text", "application/json", j(`,"expires_in":"3600.0"`), "", "at-1", "", hour, nil},
		{"expires_in exponent", "application/json", j(`,"expires_in":3.6e3`), "", "at-1", "", hour, nil},
		{"expires_in null", "application/json", j(`,"expires_in":null`), "", "at-1", "", 0, nil},
		{"expires_in empty", "application/json", j(`,"expires_in":""`), "", "at-1", "", 0, nil},
		{"expires_in zero", "application/json", j(`,"expires_in":0`), "", "at-1", "", 0, nil},
		{"expires_in negative", "application/json", j(`,"expires_in":-1`), "", "at-1", "", 0, nil},
		{"expires_in absurd", "application/json", j(`,"expires_in":1e30`), "", "at-1", "", maxLifetime, nil},
		{"expires_in beyond float", "application/json", j(`,"expires_in":1e999`), "", "at-1", "", maxLifetime, nil},
		{"scope null", "application/json", j(`,"scope":null`), "", "at-1", "", 0, nil},
		{"scope empty", "application/json", j(`,"scope":""`), "", "at-1", "", 0, []string{}},
		{"scope list", "application/json", j(`,"scope":["a","b c","a"]`), "", "at-1", "", 0, []string{"a", "b", "c"}},
		{"scope with commas kept", "application/json", j(`,"scope":"a,b"`), "", "at-1", "", 0, []string{"a,b"}},
		{"empty error", "application/json", j(`,"error":"","error_description":"fine"`), "", "at-1", "", 0, nil},
		{"null error, null refresh", "application/json", j(`,"error":null,"refresh_token":null,"id_token":null`), "", "at-1", "", 0, nil},
		{"unknown members", "application/json", j(`,"foo":{"bar":[1,2]},"Access_Token":"other"`), "", "at-1", "", 0, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := answerOf(200, tc.contentType, tc.body)
			resp, err := a.Token(Dialect{ScopeSeparator: tc.separator})
			if err != nil {
				t.Fatal(err)
			}
			if got := resp.Token.Access.Reveal(); got != tc.access {
				t.Errorf("access token: got %q, want %q", got, tc.access)
			}
			if got := resp.RefreshToken.Reveal(); got != tc.refresh {
				t.Errorf("refresh token: got %q, want %q", got, tc.refresh)
			}
			if resp.Token.Type != "Bearer" {
				t.Errorf("type: got %q, want Bearer", resp.Token.Type)
			}
			if resp.Token.Lifetime != tc.lifetime {
				t.Errorf("lifetime: got %v, want %v", resp.Token.Lifetime, tc.lifetime)
			}
			var expiry time.Time
			if tc.lifetime > 0 {
				expiry = a.sentAt.Add(tc.lifetime)
			}
			if !resp.Token.Expiry.Equal(expiry) {
				t.Errorf("expiry: got %v, want %v", resp.Token.Expiry, expiry)
			}
			if !reflect.DeepEqual(resp.Scopes, tc.scopes) || !reflect.DeepEqual(resp.Token.Scopes, tc.scopes) {
				t.Errorf("scopes: got %#v, want %#v", resp.Scopes, tc.scopes)
			}
		})
	}
}

func TestMalformedAnswerKeepsTheNewRefreshToken(t *testing.T) {
	for _, tc := range []struct {
		name, contentType, body string
		kept                    bool
		kind                    Kind
	}{
		{"no access token", "application/json", `{"refresh_token":"rt-new"}`, true, Unknown},
		{"access token an object", "application/json", `{"refresh_token":"rt-new","access_token":{}}`, true, Unknown},
		{"access token with a line break", "application/json", `{"refresh_token":"rt-new","access_token":"a\nb"}`, true, Unknown},
		{"token_type mac", "application/json", `{"refresh_token":"rt-new","access_token":"a","token_type":"mac"}`, true, Configuration},
		{"token_type DPoP", "application/json", `{"refresh_token":"rt-new","access_token":"a","token_type":"DPoP"}`, true, Configuration},
		{"token_type a list", "application/json", `{"refresh_token":"rt-new","access_token":"a","token_type":["Bearer"]}`, true, Configuration},
		{"cut off JSON", "application/json", `{"refresh_token":"rt-new","access_token":"at-`, true, Transient},
		{"cut off before the end", "application/json", `{"refresh_token":"rt-new","access_token":"at-1"`, true, Transient},
		{"two objects", "application/json", `{"refresh_token":"rt-new","access_token":"at-1"}{}`, true, Transient},
		{"broken form", "application/x-www-form-urlencoded", `refresh_token=rt-new&access_token=%zz`, true, Transient},
		{"HTML", "text/html", `<html>rt-new</html>`, false, Transient},
		{"empty", "application/json", ``, false, Transient},
		{"array", "application/json", `["rt-new"]`, false, Transient},
		{"null", "application/json", `null`, false, Transient},
		{"error beside it", "application/json", `{"refresh_token":"rt-new","error":"server_error"}`, true, Transient},
	} {
		t.Run(tc.name, func(t *testing.T) {
			endpoint := serve(t, say(200, tc.contentType, tc.body))
			var c Client
			resp, err := c.Refresh(t.Context(), refreshAt(endpoint))
			pe := asProviderError(t, err)
			if pe.Kind != tc.kind {
				t.Errorf("kind: got %s, want %s", pe.Kind, tc.kind)
			}
			if kept := resp.RefreshToken.Reveal() == "rt-new"; kept != tc.kept {
				t.Errorf("new refresh token kept: got %v, want %v", kept, tc.kept)
			}
			if !resp.Token.Access.IsZero() {
				t.Error("an access token is served next to an error")
			}
			if strings.Contains(err.Error(), "rt-new") {
				t.Error("the error quotes the answer")
			}
		})
	}
}

// A success that holds no token response says nothing about the login: it comes from somebody in between, or broke.
func TestNoTokenResponseIsTransient(t *testing.T) {
	for _, tc := range []struct {
		name, contentType, body string
		lost                    bool // the provider may have acted, and its answer did not come
		want                    string
	}{
		{"cut off", "application/json", `{"access_token": `, true, "is cut off"},
		{"cut off in a name", "application/json", `{"access_to`, true, "is cut off"},
		{"captive portal", "text/html", `<html>Welcome to the hotel</html>`, false, "a web page"},
		{"captive portal that does not say so", "", "\n<!DOCTYPE html>", false, "a web page"},
		{"captive portal as JSON", "application/json", ` <html>`, false, "a web page"},
		{"captive portal as text", "text/plain", `<html>Welcome</html>`, false, "a web page"},
		{"page that starts otherwise", "text/html; charset=utf-8", `Welcome`, false, "a web page"},
		{"nothing", "application/json", ``, true, "is empty"},
		{"blank", "text/html", " \r\n", true, "is empty"},
		{"text", "text/plain", `try later`, false, "no usable access_token"},
		{"text as JSON", "application/json", `try later`, false, "not a JSON object"},
		{"list", "application/json", `[]`, false, "not a JSON object"},
		{"null", "application/json", `null`, false, "not a JSON object"},
		{"binary", "application/json", "\x1f\x8b\x08", false, "not a JSON object"},
		{"something else", "application/json", `{"status":"maintenance"}`, false, "no usable access_token"},
		{"empty object", "application/json", `{}`, false, "no usable access_token"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, fail := answerOf(200, tc.contentType, tc.body).Token(Dialect{})
			if fail == nil || fail.Kind != Transient || fail.Ambiguous != tc.lost || !strings.Contains(fail.Error(), tc.want) {
				t.Errorf("got %v, want transient, lost %t, %q", fail, tc.lost, tc.want)
			}
		})
	}
	// What only part of it is missing from is a token response, and a bad one.
	for _, body := range []string{
		`{"token_type":"Bearer"}`, `{"id_token":"a.b.c"}`, `{"refresh_token":"r"}`, `{"expires_in":60}`, `{"access_token":7}`, `{"scope":"a"}`,
	} {
		if _, fail := answerOf(200, "application/json", body).Token(Dialect{}); fail == nil || fail.Kind != Unknown || fail.Ambiguous {
			t.Errorf("%s: got %v, want unknown", body, fail)
		}
	}
	// And a refusal stays one, however it is written.
	for _, status := range []int{400, 401, 403, 404} {
		if _, fail := answerOf(status, "text/html", `<html>`).Token(Dialect{}); fail == nil || fail.Kind != Unknown || fail.Ambiguous {
			t.Errorf("%d: got %v, want unknown", status, fail)
		}
	}
}

func TestOddOptionalMembersStillGiveTheToken(t *testing.T) {
	const idToken = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3OTUzNDg4MDB9.c2ln"
	for _, tc := range []struct {
		name, more string
		openID     bool
		refresh    string
		idToken    string
		warning    string // "" for none
	}{
		{"expires_in a word", `,"expires_in":"soon"`, false, "", "", "the answer's expires_in cannot be read"},
		{"expires_in an object", `,"expires_in":{}`, false, "", "", "expires_in"},
		{"expires_in true", `,"expires_in":true`, false, "", "", "expires_in"},
		{"expires_in infinite", `,"expires_in":"inf"`, false, "", "", "expires_in"},
		{"expires_in NaN", `,"expires_in":"NaN"`, false, "", "", "expires_in"},
		{"expires_at a word", `,"expires_at":"soon"`, false, "", "", "expires_at"},
		{"expires a list", `,"expires":[]`, false, "", "", "expires"},
		{"scope a number", `,"scope":7`, false, "", "", "scope"},
		{"scope a list of numbers", `,"scope":[7]`, false, "", "", "scope"},
		{"refresh token a number", `,"refresh_token":123`, false, "", "", "the answer's refresh_token is not a string"},
		{"refresh token false", `,"refresh_token":false`, false, "", "", "refresh_token"},
		{"refresh token an object", `,"refresh_token":{"value":"rt-new"}`, false, "", "", "refresh_token"},
		{"refresh token beside oddities", `,"refresh_token":"rt-new","expires_in":"soon","scope":7,"id_token":7`, false, "rt-new", "", "id_token"},
		{"ID token nobody asked for", `,"id_token":"not-a-jwt"`, false, "", "", "the answer's id_token is not a JWT, and nobody asked for one"},
		{"ID token a number", `,"id_token":7`, false, "", "", "id_token"},
		{"ID token encrypted", `,"id_token":"a.b.c.d.e"`, false, "", "", "id_token"},
		{"ID token good", `,"id_token":"` + idToken + `"`, false, "", idToken, ""},
		{"ID token empty", `,"id_token":""`, true, "", "", ""},
		{"ID token asked for", `,"id_token":"` + idToken + `"`, true, "", idToken, ""},
		// Whoever asked for it verifies it, and refuses it.
		{"ID token asked for, not a JWT", `,"id_token":"not-a-jwt"`, true, "", "not-a-jwt", ""},
		{"refresh_token_expires_in a word", `,"refresh_token_expires_in":"soon"`, false, "", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			endpoint := serve(t, say(200, "application/json", `{"access_token":"at-1"`+tc.more+`}`))
			var c Client
			r := refreshAt(endpoint)
			r.OpenID = tc.openID
			resp, err := c.Refresh(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if resp.Token.Access.Reveal() != "at-1" || resp.RefreshToken.Reveal() != tc.refresh || !resp.Token.Expiry.IsZero() {
				t.Errorf("got access token %t, refresh token %t, until %v", !resp.Token.Access.IsZero(), !resp.RefreshToken.IsZero(), resp.Token.Expiry)
			}
			if resp.IDToken.Reveal() != tc.idToken || resp.Token.IDToken.Reveal() != tc.idToken {
				t.Errorf("ID token: got one: %t, want one: %t", !resp.IDToken.IsZero(), tc.idToken != "")
			}
			warnings := strings.Join(resp.Warnings, "\n")
			if tc.warning == "" && warnings != "" || !strings.Contains(warnings, tc.warning) {
				t.Errorf("warnings: got %q, want %q", warnings, tc.warning)
			}
			for _, quoted := range []string{"soon", "rt-new", "not-a-jwt", "123"} {
				if strings.Contains(warnings, quoted) {
					t.Errorf("a warning quotes the answer's %q", quoted)
				}
			}
		})
	}
	r := Refresh{Auth: public, RefreshToken: account.NewSecret("rt-old"), OpenID: true,
		TokenEndpoint: serve(t, say(200, "application/json", `{"access_token":"a","refresh_token":"rt-new","id_token":7}`))}
	var c Client
	resp, err := c.Refresh(t.Context(), r)
	if pe := asProviderError(t, err); pe.Kind != Unknown || resp.RefreshToken.Reveal() != "rt-new" {
		t.Errorf("ID token asked for, a number: got %s, new refresh token %t; want unknown, true", pe.Kind, !resp.RefreshToken.IsZero())
	}
}

func TestLargeAnswer(t *testing.T) {
	endpoint := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"refresh_token":"rt-new","access_token":"at-1","pad":"`)
		for range 40 {
			_, _ = io.WriteString(w, strings.Repeat("x", 64<<10))
		}
		_, _ = io.WriteString(w, `"}`)
	})
	var c Client
	resp, err := c.Refresh(t.Context(), refreshAt(endpoint))
	if pe := asProviderError(t, err); pe.Kind != Transient || !strings.Contains(err.Error(), "too large") {
		t.Errorf("got %s, %v; want transient, too large", pe.Kind, err)
	}
	if resp.RefreshToken.Reveal() != "rt-new" {
		t.Error("the new refresh token is lost")
	}
}

func TestAnswerThatBreaksOff(t *testing.T) {
	for _, tc := range []struct {
		status    int
		kept      bool
		ambiguous bool
	}{{200, true, true}, {400, false, false}} {
		t.Run(fmt.Sprint(tc.status), func(t *testing.T) {
			endpoint := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "4000")
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, `{"refresh_token":"rt-new","access_tok`)
			})
			var c Client
			resp, err := c.Refresh(t.Context(), refreshAt(endpoint))
			pe := asProviderError(t, err)
			if pe.Kind != Transient || pe.Ambiguous != tc.ambiguous {
				t.Errorf("got %s, ambiguous %v; want transient, ambiguous %v", pe.Kind, pe.Ambiguous, tc.ambiguous)
			}
			if kept := !resp.RefreshToken.IsZero(); kept != tc.kept {
				t.Errorf("new refresh token kept: got %v, want %v", kept, tc.kept)
			}
		})
	}
}

// The expiry counts from the sending, by the wall clock, and carries no monotonic reading.
func TestExpiryCountsFromSending(t *testing.T) {
	sent := time.Now()
	answered := false
	endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		answered = true
		say(200, "application/json", okBody)(w, r)
	})
	c := Client{Now: func() time.Time {
		if answered {
			return sent.Add(20 * time.Second)
		}
		return sent
	}}
	resp, err := c.Refresh(t.Context(), refreshAt(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	if want := sent.Add(time.Hour).Round(0); !resp.Token.Expiry.Equal(want) || resp.Token.Expiry != want {
		t.Errorf("expiry: got %v, want %v without monotonic reading", resp.Token.Expiry, want)
	}
}

func TestRefreshForm(t *testing.T) {
	var got string
	endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got = r.PostForm.Encode()
		say(200, "application/json", okBody)(w, r)
	})
	r := refreshAt(endpoint)
	r.Scopes, r.Audience, r.Resource, r.RedirectURI = []string{"a", "b"}, "api", "https://api.example.com/", "http://127.0.0.1:8400/callback"
	c := Client{UserAgent: "oauthd/1"}
	if _, err := c.Refresh(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	const want = "audience=api&client_id=desk&grant_type=refresh_token" +
		"&redirect_uri=http%3A%2F%2F127.0.0.1%3A8400%2Fcallback&refresh_token=rt-old-secret&resource=https%3A%2F%2Fapi.example.com%2F&scope=a+b"
	if got != want {
		t.Errorf("form: got %s, want %s", got, want)
	}
}

func FuzzTokenResponse(f *testing.F) {
	for _, seed := range []string{
		okBody, `{"access_token":"a","expires_in":"1e9","scope":["a"],"refresh_token":"r"}`,
		`{"error":{"code":"invalid_grant","message":"m"}}`, `access_token=a&scope=b%2Cc`, `{"error":"x","error_description":"\u0000"}`,
		`{"refresh_token":"r","acc`, `null`, "\xef\xbb\xbf{}", `{"authed_user":{"access_token":"a","token_type":"user"}}`, `{"id_token":"a.b.c","access_token":"z"}`,
	} {
		f.Add(200, "application/json", []byte(seed))
		f.Add(400, "text/plain", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte) {
		a := answerOf(status, contentType, string(body))
		resp, fail := a.Token(Dialect{ScopeSeparator: ",", TokenMember: "authed_user", TokenType: "user"})
		if fail == nil {
			if resp.Token.Access.IsZero() || resp.Token.Type != "Bearer" || resp.Token.Lifetime < 0 || !a.OK() {
				t.Errorf("accepted an unusable answer: lifetime %v, type %q", resp.Token.Lifetime, resp.Token.Type)
			}
			return
		}
		if fail.Kind == "" || strings.ContainsAny(fail.Error(), "\x00\n\r\x1b") {
			t.Errorf("kind %q, error %q", fail.Kind, fail)
		}
		if !resp.Token.Access.IsZero() {
			t.Error("a refused answer has a token")
		}
	})
}

func TestResponsePrintsNoSecret(t *testing.T) {
	resp := Response{Token: account.Token{Access: account.NewSecret("at-1")}, RefreshToken: account.NewSecret("rt-1")}
	auth := ClientAuth{ID: "desk", Secret: account.NewSecret("cs-1")}
	if s := fmt.Sprintf("%v %+v %#v %v %+v %#v", resp, resp, resp, auth, auth, auth); strings.Contains(s, "-1") {
		t.Error("a secret is printed")
	}
}

func TestDialect(t *testing.T) {
	slack := Dialect{ScopeSeparator: ",", TokenMember: "authed_user", TokenType: "user"}
	const bot = `"access_token":"bot-1","token_type":"bot","refresh_token":"bot-rt","scope":"commands"`
	for _, tc := range []struct {
		name            string
		dialect         Dialect
		body            string
		access, refresh string
		scopes          []string
		reason          string // of the error; "" for none
	}{
		{"nested", slack, `{"ok":true,"authed_user":{"id":"U1","scope":"a,b","access_token":"at-1","token_type":"user","refresh_token":"rt-2"}}`,
			"at-1", "rt-2", []string{"a", "b"}, ""},
		{"nested beside another", slack, `{"ok":true,` + bot + `,"authed_user":{"access_token":"at-1","scope":"a"}}`,
			"at-1", "", []string{"a"}, ""},
		{"not nested in a refresh", slack, `{"ok":true,"access_token":"at-1","token_type":"user","refresh_token":"rt-2"}`,
			"at-1", "rt-2", nil, ""},
		{"person without token", slack, `{"ok":true,` + bot + `,"authed_user":{"id":"U1"}}`, "", "bot-rt", nil, "token_type is not Bearer"},
		{"error in 200", slack, `{"ok":false,"error":"invalid_refresh_token"}`, "", "", nil, "invalid_refresh_token"},
		{"member is text", slack, `{"ok":true,"authed_user":"at-1"}`, "", "", nil, "no usable access_token"},
		{"other dialect", Dialect{}, `{"":{"access_token":"at-1"},"authed_user":{"access_token":"at-1"}}`, "", "", nil, "no usable access_token"},
		{"other dialect's type", Dialect{}, `{"access_token":"at-1","token_type":"user"}`, "", "", nil, "token_type is not Bearer"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp, err := answerOf(200, "application/json", tc.body).Token(tc.dialect)
			if tc.reason == "" && err != nil || tc.reason != "" && (err == nil || !strings.Contains(err.Error(), tc.reason)) {
				t.Errorf("got %v, want %q", err, tc.reason)
			}
			if resp.Token.Access.Reveal() != tc.access || resp.RefreshToken.Reveal() != tc.refresh {
				t.Errorf("got another token than the person's (access %t, refresh %t)",
					resp.Token.Access.Reveal() == tc.access, resp.RefreshToken.Reveal() == tc.refresh)
			}
			if !reflect.DeepEqual(resp.Scopes, tc.scopes) {
				t.Errorf("scopes: got %q, want %q", resp.Scopes, tc.scopes)
			}
		})
	}
}

func TestLoginEndedIsAProvidersOwnWord(t *testing.T) {
	atlassian := Dialect{LoginEnded: []string{"unauthorized_client"}}
	for _, tc := range []struct {
		name    string
		dialect Dialect
		status  int
		want    Kind
	}{
		{"its word", atlassian, 403, LoginRequired},
		{"while it is in trouble", atlassian, 503, Transient},
		{"elsewhere", Dialect{}, 403, Configuration},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, fail := answerOf(tc.status, "application/json", `{"error":"unauthorized_client"}`).Token(tc.dialect)
			if fail == nil || fail.Kind != tc.want {
				t.Errorf("got %v, want kind %s", fail, tc.want)
			}
		})
	}
}
