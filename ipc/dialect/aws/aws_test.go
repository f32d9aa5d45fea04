package aws

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

const (
	arn  = "arn:aws:iam::123456789012:role/deploy"
	good = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
<SubjectFromWebIdentityToken>ada</SubjectFromWebIdentityToken><Audience>app</Audience>
<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/deploy/work</Arn><AssumedRoleId>AROA:work</AssumedRoleId></AssumedRoleUser>
<Credentials><SessionToken>TOKEN/+=</SessionToken><SecretAccessKey>SECRET</SecretAccessKey><Expiration>2027-01-15T09:00:00Z</Expiration><AccessKeyId>ASIA</AccessKeyId></Credentials>
</AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>`
)

func denial(code, message string) string {
	return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>` + code + `</Code><Message>` + message + `</Message></Error><RequestId>1</RequestId></ErrorResponse>`
}

// daemon has an ID token.
type daemon struct {
	idToken string
	err     error
	asked   []api.TokenRequest
}

func (d *daemon) Token(_ context.Context, r api.TokenRequest) (api.Token, error) {
	d.asked = append(d.asked, r)
	return api.Token{IDToken: d.idToken}, d.err
}

// answering is an STS that gives one answer, and shows what it was asked.
func answering(t *testing.T, status int, body string) (endpoint string, asked *url.Values) {
	t.Helper()
	asked = new(url.Values)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || r.URL.RawQuery != "" {
			t.Errorf("got %s %s, %v", r.Method, r.URL, err)
		}
		*asked = r.PostForm
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func TestServe(t *testing.T) {
	endpoint, asked := answering(t, 200, good)
	d := &daemon{idToken: "I"}
	var out strings.Builder
	if err := Serve(t.Context(), Role{Account: "work", ARN: arn, Endpoint: endpoint}, &out, d); err != nil {
		t.Fatal(err)
	}
	if want := `{"Version":1,"AccessKeyId":"ASIA","SecretAccessKey":"SECRET","SessionToken":"TOKEN/+=","Expiration":"2027-01-15T09:00:00Z"}` + "\n"; out.String() != want {
		t.Errorf("got %s", out.String())
	}
	want := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {arn}, "RoleSessionName": {"work"}, "WebIdentityToken": {"I"}}
	if asked.Encode() != want.Encode() {
		t.Errorf("AWS was asked %v, want %v", asked, want)
	}
	if len(d.asked) != 1 || d.asked[0] != (api.TokenRequest{Account: "work", IDToken: true}) {
		t.Errorf("the daemon was asked %+v", d.asked)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		body   string
		code   api.Code
		want   string
	}{
		{"no role", 403, denial("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"), api.ProviderRejected, "AccessDenied: Not authorized"},
		{"another issuer", 400, denial("InvalidIdentityToken", "No OpenIDConnect provider found"), api.ProviderRejected, "No OpenIDConnect provider"},
		{"another time", 400, denial("ExpiredTokenException", "Token expired"), api.ProviderRejected, "has expired"},
		{"an issuer that is away", 400, denial("IDPCommunicationError", "timed out"), api.ProviderUnreachable, "timed out"},
		{"too often", 400, denial("Throttling", "Rate exceeded"), api.ProviderUnreachable, "Rate exceeded"},
		{"an outage", 503, "<html>", api.ProviderUnreachable, "status 503"},
		{"a page", 404, "<html>", api.ProviderRejected, "status 404"},
		{"a redirect", 307, "", api.ProviderRejected, "status 307"},
		{"a page that succeeds", 200, "<html></html>", api.ProviderRejected, "not the answer"},
		{"no XML", 200, `{"Credentials":{}}`, api.ProviderRejected, "cannot be read"},
		{"another namespace", 200, strings.Replace(good, "sts.amazonaws", "sts.evil", 1), api.ProviderRejected, "not the answer"},
		{"no namespace", 200, strings.Replace(good, ` xmlns="`+namespace+`"`, "", 1), api.ProviderRejected, "not the answer"},
		{"no key", 200, strings.Replace(good, "<AccessKeyId>ASIA</AccessKeyId>", "", 1), api.ProviderRejected, "is missing"},
		{"no end", 200, strings.Replace(good, "<Expiration>2027-01-15T09:00:00Z</Expiration>", "", 1), api.ProviderRejected, "is missing"},
		{"another end", 200, strings.Replace(good, "2027-01-15T09:00:00Z", "soon", 1), api.ProviderRejected, "cannot be read"},
		{"a line break", 200, strings.Replace(good, "SECRET", "SEC\nRET", 1), api.ProviderRejected, "is missing"},
		{"cut off", 200, good[:len(good)-50], api.ProviderRejected, "cannot be read"},
		{"too much", 200, good + strings.Repeat(" ", mostAnswer), api.ProviderRejected, "too large"},
	} {
		t.Run(test.name, func(t *testing.T) {
			endpoint, _ := answering(t, test.status, test.body)
			var out strings.Builder
			err := Serve(t.Context(), Role{Account: "work", ARN: arn, Endpoint: endpoint}, &out, &daemon{idToken: "I"})
			if !errors.Is(err, &api.Error{Code: test.code}) || !strings.Contains(err.Error(), test.want) || api.AsError(err).Hint == "" || out.Len() != 0 {
				t.Errorf("got %q, %v, want %s, %q", out.String(), err, test.code, test.want)
			}
		})
	}
}

func TestNoIDToken(t *testing.T) {
	endpoint, asked := answering(t, 200, good)
	locked := &api.Error{Code: api.Locked, Message: "oauthd is locked", Hint: "oauthd unlock"}
	for _, test := range []struct {
		name string
		d    daemon
		code api.Code
	}{{"none", daemon{}, api.Unsupported}, {"a line break", daemon{idToken: "I\n"}, api.Unsupported}, {"locked", daemon{idToken: "I", err: locked}, api.Locked}} {
		var out strings.Builder
		err := Serve(t.Context(), Role{Account: "work", ARN: arn, Endpoint: endpoint}, &out, &test.d)
		if !errors.Is(err, &api.Error{Code: test.code}) || out.Len() != 0 || len(*asked) != 0 {
			t.Errorf("%s: got %q, %v, and AWS was asked %v", test.name, out.String(), err, asked)
		}
	}
}

func TestNoEndpoint(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	err := Serve(t.Context(), Role{Account: "work", ARN: arn, Endpoint: server.URL}, io.Discard, &daemon{idToken: "I"})
	if !errors.Is(err, &api.Error{Code: api.ProviderUnreachable}) || !strings.Contains(err.Error(), "127.0.0.1:") || strings.Contains(err.Error(), "I&") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Serve(ctx, Role{Account: "work", ARN: arn, Endpoint: server.URL}, io.Discard, &daemon{idToken: "I"}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: got %v", err)
	}
}

func TestEndpoint(t *testing.T) {
	for _, test := range []struct{ arn, region, endpoint, want string }{
		{arn, "", "", "https://sts.amazonaws.com/"},
		{arn, "eu-central-1", "", "https://sts.eu-central-1.amazonaws.com/"},
		{"arn:aws-cn:iam::123456789012:role/x", "", "", "https://sts.cn-north-1.amazonaws.com.cn/"},
		{"arn:aws-cn:iam::123456789012:role/x", "cn-northwest-1", "", "https://sts.cn-northwest-1.amazonaws.com.cn/"},
		{"arn:aws-us-gov:iam::123456789012:role/x", "", "", "https://sts.us-gov-west-1.amazonaws.com/"},
		{arn, "eu-central-1", "https://sts.example.com", "https://sts.example.com/"},
		{arn, "", "http://127.0.0.1:4566", "http://127.0.0.1:4566/"},
		{arn, "", "http://localhost:4566/sts", "http://localhost:4566/sts"},
		{arn, "", "http://[::1]:4566", "http://[::1]:4566/"},
		{arn, "", "http://sts.example.com", ""},
		{arn, "", "http://localhost.example.com", ""},
		{arn, "", "ftp://127.0.0.1", ""},
		{arn, "", "https://ada:x@sts.example.com", ""},
		{arn, "", "https://", ""},
	} {
		got, err := (Role{ARN: test.arn, Region: test.region, Endpoint: test.endpoint}).endpoint()
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%+v: got %q, %v", test, got, err)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name string
		role Role
		want string
	}{
		{"a role", Role{Account: "work", ARN: arn}, ""},
		{"with a path", Role{Account: "w", ARN: "arn:aws:iam::123456789012:role/team/x", Session: "ada@example.com", Region: "eu-central-1"}, ""},
		{"no role", Role{Account: "work"}, "ARN of a role"},
		{"a user", Role{Account: "work", ARN: "arn:aws:iam::123456789012:user/ada"}, "ARN of a role"},
		{"a role's name", Role{Account: "work", ARN: "deploy"}, "ARN of a role"},
		{"a line break", Role{Account: "work", ARN: arn + "\n"}, "ARN of a role"},
		{"a short session", Role{Account: "work", ARN: arn, Session: "a"}, "name of a session"},
		{"a session with a space", Role{Account: "work", ARN: arn, Session: "ada lovelace"}, "name of a session"},
		{"a long session", Role{Account: "work", ARN: arn, Session: strings.Repeat("a", 65)}, "name of a session"},
		{"a host", Role{Account: "work", ARN: arn, Region: "evil.example/"}, "not a region"},
		{"in the clear", Role{Account: "work", ARN: arn, Endpoint: "http://sts.example.com"}, "not https"},
	} {
		if err := test.role.Check(); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
	for name, want := range map[string]string{"w": "oauthd-w", "wo": "wo", "work": "work"} {
		if got := (Role{Account: name}).SessionName(); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(denial("AccessDenied", "no")))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := read(body)
		if err == nil && (c.Expiration.IsZero() || !printable(c.AccessKeyID) || !printable(c.SecretAccessKey) || !printable(c.SessionToken)) {
			t.Errorf("got %+v", c)
		}
		if err := refused(Role{Account: "work", ARN: arn}, 400, body); api.AsError(err).Message != api.Lines(err.Error()) {
			t.Errorf("got %q", err)
		}
	})
}
