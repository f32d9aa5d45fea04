package google

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/grant"
)

const federated = `{"access_token":"ya29.federated","token_type":"Bearer","expires_in":3600,` +
	`"issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}`

// Source credentials may be nested three deep.
func TestADCNesting(t *testing.T) {
	text := gcloudUser
	for depth := range 5 {
		google := newCloud(t, map[string]http.HandlerFunc{
			oauth2Token: say(200, "application/json", okBody),
			iamBase + ":generateAccessToken": say(200, "application/json",
				`{"accessToken":"ya29.robot","expireTime":"2026-11-22T14:00:00Z"}`),
		})
		_, err := google.client().ApplicationDefault(t.Context(), ADCRequest{File: file(t, text), Scopes: []string{"a"}})
		if depth <= 3 && (err != nil || google.count() != depth+1) {
			t.Errorf("%d deep: got %v after %d requests, want a token", depth, err, google.count())
		}
		if depth > 3 && (err == nil || !strings.Contains(err.Error(), "nested too deeply")) {
			t.Errorf("%d deep: got %v, want it refused", depth, err)
		}
		text = impersonated(text)
	}
}

// A person may permit the token endpoint that a key names.
func TestADCServiceAccountElsewhere(t *testing.T) {
	google := newCloud(t, map[string]http.HandlerFunc{"login.example.com/token": say(200, "application/json", okBody)})
	got, err := google.client().ApplicationDefault(t.Context(), ADCRequest{
		File:   file(t, keyFile(map[string]any{"token_uri": "https://login.example.com/token"})),
		Scopes: []string{"a"}, Sources: []string{SourceURL},
	})
	if err != nil || got.Response.Token.Access.Reveal() != "at-1" {
		t.Errorf("got %v, want a token from there", err)
	}
}

// What the program learns, and how long it may take.
func TestExecutableIsTold(t *testing.T) {
	printed := `{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:saml2","saml_response":"subject-saml","expiration_time":` +
		strconv.FormatInt(then.Add(time.Hour).Unix(), 10) + `}`
	output := filepath.Join(t.TempDir(), "output")
	run := program(t, `test "$GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE" = //iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q &&
test "$GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE" = urn:ietf:params:oauth:token-type:jwt &&
test "$GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE" = 0 && test -z "$GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL" &&
test "$GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE" = "`+output+`" && echo '`+printed+`'`)
	for _, tc := range []struct {
		millis int
		want   string // "" for a token
	}{{4999, "timeout_millis"}, {5000, ""}, {120000, ""}, {120001, "timeout_millis"}} {
		google := newCloud(t, map[string]http.HandlerFunc{stsToken: say(200, "application/json", federated)})
		source := fmt.Sprintf(`{"executable":{"command":%q,"timeout_millis":%d,"output_file":%q}}`, run, tc.millis, output)
		_, err := google.client().ApplicationDefault(t.Context(), ADCRequest{
			File: file(t, external(source, "")), Scopes: []string{"a"}, Sources: []string{SourceExecutable},
		})
		if tc.want != "" {
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%d ms: got %v, want %q", tc.millis, err, tc.want)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%d ms: %v", tc.millis, err)
		}
		if got := google.last().PostForm.Get("subject_token"); got != "subject-saml" {
			t.Errorf("%d ms: got subject token %q, want that of the program", tc.millis, got)
		}
	}
}

// What a program has started and left behind does not hold up its token.
func TestExecutableThatLeavesAProgramBehind(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	run := program(t, `sleep 600 & echo $! > "`+pid+`"
echo '{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:jwt","id_token":"subject-jwt"}'`)
	t.Cleanup(func() {
		left, err := os.ReadFile(pid)
		if n, failed := strconv.Atoi(strings.TrimSpace(string(left))); err == nil && failed == nil {
			if process, err := os.FindProcess(n); err == nil {
				_ = process.Signal(syscall.SIGKILL)
			}
		}
	})
	google := newCloud(t, map[string]http.HandlerFunc{stsToken: say(200, "application/json", federated)})
	_, err := google.client().ApplicationDefault(t.Context(), ADCRequest{
		File: file(t, external(executable(run), "")), Scopes: []string{"a"}, Sources: []string{SourceExecutable},
	})
	if err != nil {
		t.Errorf("got %v, want the token that the program printed", err)
	}
}

func TestCappedBuffer(t *testing.T) {
	b := &cappedBuffer{}
	half := bytes.Repeat([]byte("x"), grant.MaxKeyFile/2)
	for i, want := range []bool{true, true, false, false} {
		n, err := b.Write(half[:min(len(half), len(half)*(4-i))])
		if (err == nil) != want || (n == len(half)) != want || b.full == want {
			t.Errorf("write %d: got %d, %v; want it taken: %t", i, n, err, want)
		}
	}
	if b.kept.Len() != grant.MaxKeyFile {
		t.Errorf("got %d bytes, want %d", b.kept.Len(), grant.MaxKeyFile)
	}
}

func TestSourceURLFits(t *testing.T) {
	for at, want := range map[string]bool{
		"https://idp.example.com/token":      true,
		"http://127.0.0.1:8080/token":        true,
		"http://169.254.169.254/latest":      true,
		"http://[fd00:ec2::254]/latest":      true,
		"http://[fe80::1]/latest":            true,
		"http://ada@169.254.169.254/latest":  false,
		"ftp://169.254.169.254/latest":       false,
		"http://169.254.169.254.example.com": false,
		"http://idp.example.com/token":       false,
		"http://[fe80::1%25eth0]/latest":     false,
		"http://169.254.169.254/%zz":         false,
		"":                                   false,
	} {
		if got := sourceURLFits(at); got != want {
			t.Errorf("%s: got %t, want %t", at, got, want)
		}
	}
}

func TestExternalSourceURLs(t *testing.T) {
	for _, name := range []string{"url", "region_url", "imdsv2_session_token_url"} {
		members := map[string]string{"environment_id": "aws1", "url": "https://idp.example.com/u", name: "http://idp.example.com/hunter2"}
		_, err := newCloud(t, nil).client().ApplicationDefault(t.Context(), ADCRequest{
			File: file(t, external(string(must(json.Marshal(members))), "")), Scopes: []string{"a"}, Sources: []string{SourceURL},
		})
		if err == nil || !strings.Contains(err.Error(), "credential_source."+name+" is not an https URL") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
	}
}

func TestADCExternalNeedsAPurpose(t *testing.T) {
	text := external(fmt.Sprintf(`{"file":%q}`, subjectFile(t, "subject-jwt")), "")
	for _, tc := range []struct {
		name string
		ask  ADCRequest
		want string
	}{
		{"nothing", ADCRequest{}, "no scopes were asked for"},
		{"audience alone", ADCRequest{Audience: "x"}, "no token for an audience"},
		{"ID token alone", ADCRequest{IDToken: true}, "no ID token"},
	} {
		google := newCloud(t, nil)
		tc.ask.File = file(t, text)
		_, err := google.client().ApplicationDefault(t.Context(), tc.ask)
		if err == nil || !strings.Contains(err.Error(), tc.want) || google.count() != 0 {
			t.Errorf("%s: got %v after %d requests, want %q", tc.name, err, google.count(), tc.want)
		}
		if tc.name == "nothing" && !errors.Is(err, ErrNoScopes) {
			t.Errorf("got %v, want ErrNoScopes", err)
		}
	}
}

// The exchange goes where the file says, and the file's client authenticates there.
func TestADCExternalWithAClient(t *testing.T) {
	google := newCloud(t, map[string]http.HandlerFunc{"sts.example.com/v1/token": say(200, "application/json", federated)})
	text := strings.ReplaceAll(external(fmt.Sprintf(`{"file":%q}`, subjectFile(t, "subject-jwt")), `,"client_id":"c-1","client_secret":"cs-1"`),
		"sts.googleapis.com", "sts.example.com")
	_, err := google.client().ApplicationDefault(t.Context(), ADCRequest{File: file(t, text), Scopes: []string{"a"}, Sources: []string{SourceURL}})
	if err != nil {
		t.Fatal(err)
	}
	if user, password, _ := google.last().BasicAuth(); user != "c-1" || password != "cs-1" {
		t.Error("the file's client did not authenticate")
	}
}

func TestGeneratedTokens(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		want       string // of the error; "" for a token
	}{
		{"odd but printable", `{"accessToken":"a ~","expireTime":"2026-11-22T13:00:00Z"}`, ""},
		{"control character", `{"accessToken":"a\u001f","expireTime":"2026-11-22T13:00:00Z"}`, "no usable accessToken"},
		{"delete", `{"accessToken":"a\u007f","expireTime":"2026-11-22T13:00:00Z"}`, "no usable accessToken"},
		{"ends now", `{"accessToken":"a","expireTime":"2026-11-22T12:00:00Z"}`, "has expired"},
		{"ends in a second", `{"accessToken":"a","expireTime":"2026-11-22T12:00:01Z"}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			google := newCloud(t, map[string]http.HandlerFunc{
				oauth2Token: say(200, "application/json", okBody),
				iamBase + ":generateAccessToken": func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Accept") != "application/json" || r.Header.Get("Content-Type") != "application/json" {
						t.Errorf("got %q, %q; want JSON both ways", r.Header.Get("Accept"), r.Header.Get("Content-Type"))
					}
					say(200, "application/json", tc.body)(w, r)
				},
			})
			_, err := google.client().ApplicationDefault(t.Context(), ADCRequest{File: file(t, impersonated(gcloudUser)), Scopes: []string{"a"}})
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// Google's API errors say that waiting does not help, where they do.
func TestIAMRefusals(t *testing.T) {
	definite := []string{"PERMISSION_DENIED", "NOT_FOUND", "INVALID_ARGUMENT", "UNAUTHENTICATED", "FAILED_PRECONDITION"}
	for _, code := range append(definite, "ABORTED") {
		want := grant.Unknown
		if slices.Contains(definite, code) {
			want = grant.Configuration
		}
		for status, kind := range map[int]grant.Kind{400: want, 503: grant.Transient} {
			google := newCloud(t, map[string]http.HandlerFunc{
				oauth2Token:                      say(200, "application/json", okBody),
				iamBase + ":generateAccessToken": say(status, "application/json", `{"error":{"code":400,"status":"`+code+`"}}`),
			})
			_, err := google.client().ApplicationDefault(t.Context(), ADCRequest{File: file(t, impersonated(gcloudUser)), Scopes: []string{"a"}})
			if pe := asProviderError(t, err); pe.Kind != kind || pe.Code != code {
				t.Errorf("%s in a %d: got %s %q, want %s", code, status, pe.Kind, pe.Code, kind)
			}
		}
	}
}

func TestMetadataRequests(t *testing.T) {
	var asked []string
	computeEngine(t, map[string]http.HandlerFunc{
		"token": func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.URL.RawQuery)
			say(200, "application/json", `{"access_token":"ya29.vm","expires_in":60,"scope":"a,b","refresh_token":"rt-1"}`)(w, r)
		},
		"identity": func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.URL.RawQuery)
			say(200, "text/html", idTokenUntil(then.Add(time.Hour), ""))(w, r)
		},
	})
	c := Client{Grants: &grant.Client{Now: at(then)}}
	got, err := c.ApplicationDefault(t.Context(), ADCRequest{IDToken: true, Audience: "x"})
	if err != nil || !slices.Equal(got.Response.Scopes, []string{"a", "b"}) {
		t.Errorf("got scopes %q, %v; want a and b", got.Response.Scopes, err)
	}
	if !got.Response.RefreshToken.IsZero() {
		t.Error("got a refresh token")
	}
	if want := []string{"", "audience=x&format=full"}; !slices.Equal(asked, want) {
		t.Errorf("got queries %q, want %q", asked, want)
	}
}

func TestIsRegion(t *testing.T) {
	for label, want := range map[string]bool{
		"us-east1": true, "us-east0": true, "us-east9": true, "us-east": false, "useast1": false, "us-east/": false, "us-east:": false, "": false, "-": false,
	} {
		if got := isRegion(label); got != want {
			t.Errorf("%q: got %t, want %t", label, got, want)
		}
	}
}

// Whatever secret a library sends, in a header or a form, is in no error, even if a later answer quotes it.
func TestWitnessRedacts(t *testing.T) {
	form := "client_secret=cs-hunter2&refresh_token=rt-hunter2&subject_token=st-hunter2&scope=a"
	grants := &grant.Client{HTTP: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		body := `{"error":"invalid_request","error_description":"cs-hunter2 rt-hunter2 st-hunter2 imds-hunter2 basic-hunter2"}`
		return &http.Response{StatusCode: 400, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})}}
	w := &witness{grants: grants, op: "token exchange request"}
	for i, header := range []http.Header{{"Authorization": {"Basic basic-hunter2"}}, {"X-Aws-Ec2-Metadata-Token": {"imds-hunter2"}}} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://sts.googleapis.com/v1/token", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		if res, err := w.RoundTrip(req); !errors.Is(err, errWitnessed) || res != nil {
			t.Fatalf("got %v, want only that it was refused", err)
		}
		want := []string{"[redacted] [redacted] [redacted] imds-hunter2 [redacted]", "[redacted] [redacted] [redacted] [redacted] [redacted]"}[i]
		if got := w.problem().Description; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Several requests have one time limit together.
func TestADCHasOneDeadline(t *testing.T) {
	path := file(t, impersonated(gcloudUser))
	synctest.Test(t, func(t *testing.T) {
		c := Client{Grants: &grant.Client{HTTP: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "oauth2.googleapis.com" {
				time.Sleep(29 * time.Second)
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(okBody)), Request: r}, nil
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}}}
		began := time.Now()
		_, err := c.ApplicationDefault(context.Background(), ADCRequest{File: path, Scopes: []string{"a"}})
		if took := time.Since(began); took != 40*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v after %v, want the deadline after 40 s", err, took)
		}
	})
}
