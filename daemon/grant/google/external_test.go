package google

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/grant"
	"oauthd/ipc/api"
)

const stsToken = "sts.googleapis.com/v1/token"

// external is an external_account file with that credential_source and more members.
func external(source, more string) string {
	return `{"type":"external_account","audience":"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",` +
		`"subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"https://` + stsToken + `"` + more +
		`,"credential_source":` + source + `}`
}

func subjectFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "subject")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const impersonating = `,"service_account_impersonation_url":"` + iamURL + `","service_account_impersonation":{"token_lifetime_seconds":600}`

// program is an executable that prints what it is given, and some of its environment.
func program(t *testing.T, script string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the program of this test is a shell script")
	}
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func executable(command string) string {
	return fmt.Sprintf(`{"executable":{"command":%q}}`, command)
}

func TestADCExternal(t *testing.T) {
	const printed = `{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:id_token","id_token":"subject-jwt"}`
	good := program(t, `test "$GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE" = 0 && test -n "$GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE" &&
test "$GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL" = "$2" && test "$1" = word && echo '`+printed+`'
echo 'this is not looked at' >&2`)
	for _, tc := range []struct {
		name, text string
		sources    []string
		scope      string // that of the exchange
		email      string
		asks       int
	}{
		{"file", external(fmt.Sprintf(`{"file":%q}`, subjectFile(t, "subject-jwt\n")), ""), nil, "a b", "", 1},
		{"JSON file", external(fmt.Sprintf(`{"file":%q,"format":{"type":"json","subject_token_field_name":"jwt"}}`,
			subjectFile(t, `{"jwt":"subject-jwt"}`)), ""), nil, "a b", "", 1},
		{"file, impersonating", external(fmt.Sprintf(`{"file":%q}`, subjectFile(t, "subject-jwt")), impersonating), nil, cloudPlatform, robot, 2},
		{"executable", external(executable(good+" word"), ""), []string{SourceExecutable}, "a b", "", 1},
		{"executable, impersonating", external(executable(good+" word "+robot), impersonating), []string{SourceExecutable}, cloudPlatform, robot, 2},
		{"url", external(`{"url":"https://idp.example.com/token","headers":{"X-Key":"k"},"format":{"type":"json","subject_token_field_name":"jwt"}}`, ""),
			[]string{SourceURL}, "a b", "", 2},
		{"url of a metadata server", external(`{"url":"http://169.254.169.254/identity"}`, ""), []string{SourceURL}, "a b", "", 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			google := newCloud(t, map[string]http.HandlerFunc{
				"idp.example.com/token": func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("X-Key") != "k" {
						t.Error("the header the file names is missing")
					}
					say(200, "application/json", `{"jwt":"subject-jwt"}`)(w, r)
				},
				"169.254.169.254/identity": say(200, "text/plain", "subject-jwt"),
				stsToken: func(w http.ResponseWriter, r *http.Request) {
					if r.PostForm.Get("subject_token") != "subject-jwt" || r.PostForm.Get("scope") != tc.scope ||
						r.PostForm.Get("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" {
						t.Errorf("scope: got %q, want %q, with the subject token", r.PostForm.Get("scope"), tc.scope)
					}
					say(200, "application/json", `{"access_token":"ya29.federated","token_type":"Bearer","expires_in":3600,`+
						`"issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}`)(w, r)
				},
				iamBase + ":generateAccessToken": func(w http.ResponseWriter, r *http.Request) {
					if got := r.PostForm.Get(""); got != `{"delegates":null,"lifetime":"600s","scope":["a","b"]}` ||
						r.Header.Get("Authorization") != "Bearer ya29.federated" {
						t.Errorf("impersonation: got %s", got)
					}
					say(200, "application/json", `{"accessToken":"ya29.robot","expireTime":"2026-11-22T12:10:00Z"}`)(w, r)
				},
			})
			got, err := google.client().ApplicationDefault(t.Context(), ADCRequest{
				File: file(t, tc.text), Scopes: []string{"a", "b"}, Sources: tc.sources,
			})
			if err != nil {
				t.Fatal(err)
			}
			access, lifetime := "ya29.federated", time.Hour
			if tc.email != "" {
				access, lifetime = "ya29.robot", 10*time.Minute
			}
			if got.Kind != "external_account" || got.Email != tc.email || google.count() != tc.asks {
				t.Errorf("got %q %q by %d requests, want %q by %d", got.Kind, got.Email, google.count(), tc.email, tc.asks)
			}
			if got.Response.Token.Access.Reveal() != access || !got.Response.Token.Expiry.Equal(then.Add(lifetime)) {
				t.Errorf("got a token until %v, want %v", got.Response.Token.Expiry, then.Add(lifetime))
			}
		})
	}
}

func TestADCExternalOfAWS(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIA")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
	google := newCloud(t, map[string]http.HandlerFunc{stsToken: say(200, "application/json", `{"access_token":"ya29.aws","expires_in":60}`)})
	ask := ADCRequest{Scopes: []string{"a"}, File: file(t, strings.ReplaceAll(external(`{"environment_id":"aws1",`+
		`"region_url":"http://169.254.169.254/latest/meta-data/placement/availability-zone",`+
		`"url":"http://169.254.169.254/latest/meta-data/iam/security-credentials",`+
		`"regional_cred_verification_url":"https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"}`, ""),
		"urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:aws:token-type:aws4_request"))}
	c := google.client()
	if _, err := c.ApplicationDefault(t.Context(), ask); err == nil || !strings.Contains(err.Error(), `credential_sources = ["url"]`) {
		t.Errorf("not permitted: got %v", err)
	}
	ask.Sources = []string{SourceURL}
	if _, err := c.ApplicationDefault(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	subject := google.last().PostForm.Get("subject_token")
	if !strings.Contains(subject, "sts.eu-west-1.amazonaws.com") || strings.Contains(subject, "hunter2") {
		t.Error("the subject token is no signed request, or holds the secret key")
	}
}

// A token that a program has left is used while it is good, and not a moment longer.
func TestADCExternalOutputFile(t *testing.T) {
	answer := func(token string, expires time.Time) string {
		return fmt.Sprintf(`{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:jwt","id_token":%q,"expiration_time":%d}`,
			token, expires.Unix())
	}
	fresh := program(t, "echo '"+answer("new-subject", then.Add(time.Hour))+"'")
	for name, tc := range map[string]struct{ kept, want string }{
		"good":    {answer("kept-subject", then.Add(time.Minute)), "kept-subject"},
		"expired": {answer("kept-subject", then.Add(-time.Second)), "new-subject"},
		"failure": {`{"version":1,"success":false,"code":"401","message":"no"}`, "new-subject"},
		"damaged": {`{`, "new-subject"},
	} {
		t.Run(name, func(t *testing.T) {
			google := newCloud(t, map[string]http.HandlerFunc{stsToken: say(200, "application/json", okBody)})
			source := fmt.Sprintf(`{"executable":{"command":%q,"timeout_millis":30000,"output_file":%q}}`, fresh, subjectFile(t, tc.kept))
			_, err := google.client().ApplicationDefault(t.Context(), ADCRequest{
				File: file(t, external(source, "")), Scopes: []string{"a"}, Sources: []string{SourceExecutable},
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := google.last().PostForm.Get("subject_token"); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestADCExternalRefuses(t *testing.T) {
	good := fmt.Sprintf(`{"file":%q}`, subjectFile(t, "subject-hunter2"))
	both := []string{SourceExecutable, SourceURL}
	prints := func(text string) string { return executable(program(t, "cat <<'EOF'\n"+text+"\nEOF")) }
	ran := filepath.Join(t.TempDir(), "ran")
	for _, tc := range []struct {
		name, text string
		sources    []string
		want       string
	}{
		{"executable not permitted", external(executable(program(t, "touch "+ran)), ""), []string{SourceURL}, `credential_sources = ["executable", "url"]`},
		{"url not permitted", external(`{"url":"https://idp.example.com/token?hunter2"}`, ""), []string{SourceExecutable}, `credential_sources = ["executable", "url"]`},
		{"token_url elsewhere", strings.ReplaceAll(external(good, ""), "sts.googleapis.com", "evil.example"), nil, "token_url is not Google's"},
		{"token_url http", strings.ReplaceAll(external(good, ""), "https://sts.googleapis.com", "http://evil.example"), both, "token_url: not https"},
		{"no token_url", strings.ReplaceAll(external(good, ""), "token_url", "x"), nil, "the file has no token_url"},
		{"impersonation elsewhere", external(good, strings.ReplaceAll(impersonating, "googleapis.com", "evil.example")), nil, "service_account_impersonation_url is not Google's"},
		{"no audience", strings.ReplaceAll(external(good, ""), `"audience"`, `"x"`), nil, "the file has no audience"},
		{"wrong type", external(good, `,"client_id":7`), nil, "client_id is not a string"},
		{"a project that goes with another pool", external(good, `,"workforce_pool_user_project":"hunter2"`), nil, "contradicts another"},
		{"no source", external(`{}`, ""), nil, "names no file, url, executable"},
		{"source no object", external(`"hunter2"`, ""), nil, "credential_source is missing, or not as it should be"},
		{"two sources", external(`{"file":"/x","url":"https://idp.example.com"}`, ""), both, "more than one source"},
		{"file gone", external(`{"file":"/no/such/subject"}`, ""), nil, "/no/such/subject: no such file"},
		{"file with a name that steers a terminal", external(`{"file":"/no/such/\u001b[31msubject"}`, ""), nil, "/no/such/[31msubject: no such file"},
		{"program with a name that steers a terminal", external(`{"executable":{"command":"/no/such/\u202eprogram\u0007"}}`, ""), both, "/no/such/program:"},
		{"file relative", external(`{"file":"subject"}`, ""), nil, "not an absolute path"},
		{"file a directory", external(fmt.Sprintf(`{"file":%q}`, t.TempDir()), ""), nil, "not a regular file"},
		{"file not in its format", external(strings.TrimSuffix(good, "}")+`,"format":{"type":"json","subject_token_field_name":"x"}}`, ""), nil, "gives no token"},
		{"http url", external(`{"url":"http://idp.example.com/token?hunter2"}`, ""), both, "not an https URL, or of a metadata server"},
		{"program relative", external(executable("sh -c hunter2"), ""), both, "absolute path"},
		{"program gone", external(executable("/no/such/program"), ""), both, "cannot be run"},
		{"program without time", external(`{"executable":{"command":"/bin/true","timeout_millis":1}}`, ""), both, "timeout_millis"},
		{"program fails", external(executable(program(t, "echo hunter2; exit 3")), ""), both, "exit status 3"},
		{"program prints text", external(prints("hunter2"), ""), both, "did not print a JSON object"},
		{"program prints another version", external(prints(`{"version":2,"success":true}`), ""), both, "version is not 1"},
		{"program says nothing", external(prints(`{"version":1}`), ""), both, "does not say whether"},
		{"program says why", external(prints(`{"version":1,"success":false,"code":"401","message":"log\u001b in"}`), ""), both, "the program says 401: log in"},
		{"program has no token", external(prints(`{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:jwt"}`), ""), both, "gives no token"},
		{"program has another kind", external(prints(`{"version":1,"success":true,"token_type":"hunter2","id_token":"x"}`), ""), both, "token_type is not supported"},
		{"program has an old token", external(prints(`{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:jwt","id_token":"hunter2","expiration_time":1}`), ""),
			both, "has expired"},
		{"program prints too much", external(executable(program(t, "head -c 200000 /dev/zero")), ""), both, "prints too much"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			google := newCloud(t, nil)
			_, err := google.client().ApplicationDefault(t.Context(), ADCRequest{File: file(t, tc.text), Scopes: []string{"a"}, Sources: tc.sources})
			if err == nil || !strings.Contains(err.Error(), tc.want) || err.Error() != api.Printable(err.Error()) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the error quotes the file, the program or the subject token")
			}
			if google.count() != 0 {
				t.Error("somebody was asked")
			}
		})
	}
	if _, err := os.Stat(ran); !errors.Is(err, os.ErrNotExist) {
		t.Error("a program was run that is not permitted")
	}
	ask := ADCRequest{File: file(t, external(good, "")), Audience: "x", IDToken: true}
	if _, err := newCloud(t, nil).client().ApplicationDefault(t.Context(), ask); err == nil || !strings.Contains(err.Error(), "no ID token") {
		t.Errorf("ID token without impersonation: got %v", err)
	}
}

// What is checked is what is used: encoding/json matches names in any case, and with "K" (U+212A) for k.
func TestADCExternalUsesWhatWasChecked(t *testing.T) {
	source := fmt.Sprintf(`{"file":%q}`, subjectFile(t, "subject-jwt"))
	for _, more := range []string{
		`,"Token_URL":"https://evil.example/token"`,
		`,"to\u212aen_url":"https://evil.example/token"`,
		`,"Service_Account_Impersonation_URL":"https://evil.example/r:generateAccessToken"`,
		`,"\u017fervice_account_impersonation_url":"https://evil.example/r:generateAccessToken"`,
		`,"credential_\u017fource":{"url":"https://evil.example/subject"}`,
	} {
		t.Run(more, func(t *testing.T) {
			google := newCloud(t, map[string]http.HandlerFunc{stsToken: say(200, "application/json", okBody)})
			_, err := google.client().ApplicationDefault(t.Context(), ADCRequest{File: file(t, external(source, more)), Scopes: []string{"a"}})
			if err != nil || google.count() != 1 {
				t.Errorf("got %v after %d requests, want a token by the exchange alone", err, google.count())
			}
			if got := google.last().PostForm.Get("subject_token"); got != "subject-jwt" {
				t.Error("the subject token is not that of the source that was checked")
			}
		})
	}
}

func TestADCExternalFaults(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		body   string
		kind   grant.Kind
		want   string
	}{
		{"refused", 400, `{"error":"invalid_grant","error_description":"The given credential subject-jwt is rejected"}`, grant.Configuration,
			"token exchange request to https://sts.googleapis.com/v1/token: invalid_grant: The given credential [redacted] is rejected [HTTP 400]"},
		{"invalid_target", 400, `{"error":"invalid_target"}`, grant.Configuration, "invalid_target"},
		{"not OAuth", 400, `subject-jwt`, grant.Unknown, "HTTP 400"},
		{"busy", 503, `subject-jwt`, grant.Transient, "HTTP 503"},
		{"redirect", 307, `subject-jwt`, grant.Unknown, "redirect"},
		{"no lifetime", 200, `{"access_token":"subject-jwt"}`, grant.Unknown, "cannot be used"},
		{"no JSON", 200, `subject-jwt`, grant.Transient, "not a JSON object"},
		{"too large", 200, `{"access_token":"` + strings.Repeat("x", 2<<20) + `"}`, grant.Transient, "too large"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			google := newCloud(t, map[string]http.HandlerFunc{stsToken: say(tc.status, "application/json", tc.body)})
			text := external(fmt.Sprintf(`{"file":%q}`, subjectFile(t, "subject-jwt")), "")
			_, err := google.client().ApplicationDefault(t.Context(), ADCRequest{File: file(t, text), Scopes: []string{"a"}})
			if pe := asProviderError(t, err); pe.Kind != tc.kind || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %s, %v; want %s, %q", pe.Kind, err, tc.kind, tc.want)
			}
			if strings.Contains(err.Error(), "subject-jwt") {
				t.Error("the error holds the subject token")
			}
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		text := external(fmt.Sprintf(`{"file":%q}`, subjectFile(t, "subject-jwt")), "")
		_, err := newCloud(t, nil).client().ApplicationDefault(t.Context(), ADCRequest{File: file(t, text), Scopes: []string{"a"}})
		if pe := asProviderError(t, err); pe.Kind != grant.Transient {
			t.Errorf("got %s, want transient", pe.Kind)
		}
	})
}

func TestADCExternalProgramThatHangs(t *testing.T) {
	text := external(executable(program(t, "exec sleep 600")), "")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := newCloud(t, nil).client().ApplicationDefault(ctx,
		ADCRequest{File: file(t, text), Scopes: []string{"a"}, Sources: []string{SourceExecutable}})
	if err == nil || !strings.Contains(err.Error(), "did not end in time") {
		t.Errorf("got %v, want that the program did not end in time", err)
	}
}
