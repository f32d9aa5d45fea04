package grant

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/provider"
)

func TestAuthorizeDevice(t *testing.T) {
	var got string
	endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		got = r.PostForm.Encode()
		say(200, "application/json", `{"device_code":"dc-1","user_code":"WDJB-MJHT","verification_uri":"https://login.example.com/device",`+
			`"verification_uri_complete":"https://login.example.com/device?user_code=WDJB-MJHT","expires_in":600,"interval":7}`)(w, r)
	})
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	c := Client{Now: func() time.Time { return now }}
	code, err := c.AuthorizeDevice(t.Context(), DeviceAuthorization{
		Endpoint: endpoint, Auth: public, Scopes: []string{"a", "b"}, Resource: "https://api.example.com/",
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "client_id=desk&resource=https%3A%2F%2Fapi.example.com%2F&scope=a+b"; got != want {
		t.Errorf("form: got %s, want %s", got, want)
	}
	want := DeviceCode{
		Code: code.Code, UserCode: "WDJB-MJHT", VerificationURI: "https://login.example.com/device",
		VerificationURIComplete: "https://login.example.com/device?user_code=WDJB-MJHT",
		Expiry:                  now.Add(10 * time.Minute), Interval: 7 * time.Second,
	}
	if code != want || code.Code.Reveal() != "dc-1" {
		t.Errorf("got %+v, want %+v", code, want)
	}
}

func TestDeviceAnswer(t *testing.T) {
	const js = "application/json"
	d := func(more string) string {
		return `{"device_code":"dc-1","user_code":"AB12","verification_uri":"https://login.example.com/device"` + more + `}`
	}
	good := DeviceCode{
		UserCode: "AB12", VerificationURI: "https://login.example.com/device", Interval: 5 * time.Second,
		Expiry: answerOf(200, "", "").sentAt.Add(15 * time.Minute),
	}
	with := func(change func(*DeviceCode)) DeviceCode {
		code := good
		change(&code)
		return code
	}
	for _, tc := range []struct {
		name, contentType, body string
		status                  int
		want                    DeviceCode
		kind                    Kind // "" = accepted
		code                    string
	}{
		{"least", js, d(``), 200, good, "", ""},
		{"google's spelling", js, `{"device_code":"dc-1","user_code":"AB12","verification_url":"https://login.example.com/device"}`, 200, good, "", ""},
		{"github's form", "application/x-www-form-urlencoded", "device_code=dc-1&user_code=AB12&verification_uri=https%3A%2F%2Flogin.example.com%2Fdevice&interval=5", 200, good, "", ""},
		{"numbers as text", js, d(`,"expires_in":"60","interval":"9"`), 200,
			with(func(c *DeviceCode) { c.Interval = 9 * time.Second; c.Expiry = c.Expiry.Add(-14 * time.Minute) }), "", ""},
		{"a hasty interval", js, d(`,"interval":0.01`), 200, with(func(c *DeviceCode) { c.Interval = time.Second }), "", ""},
		{"complete URL that cannot be opened", js, d(`,"verification_uri_complete":"javascript:alert(1)"`), 200, good, "", ""},
		{"loopback", js, d(`,"verification_uri":"http://127.0.0.1:8400/device"`), 200,
			with(func(c *DeviceCode) { c.VerificationURI = "http://127.0.0.1:8400/device" }), "", ""},
		{"no device_code", js, `{"user_code":"AB12","verification_uri":"https://login.example.com/"}`, 200, DeviceCode{}, Unknown, ""},
		{"device_code a number", js, `{"device_code":1,"user_code":"AB12","verification_uri":"https://login.example.com/"}`, 200, DeviceCode{}, Unknown, ""},
		{"no user_code", js, d(`,"user_code":" "`), 200, DeviceCode{}, Unknown, ""},
		{"user_code for a terminal", js, d(`,"user_code":"\u001b[2JAB"`), 200, DeviceCode{}, Unknown, ""},
		{"user_code too long", js, d(`,"user_code":"` + strings.Repeat("A", 65) + `"`), 200, DeviceCode{}, Unknown, ""},
		{"no verification_uri", js, `{"device_code":"dc-1","user_code":"AB12"}`, 200, DeviceCode{}, Unknown, ""},
		{"http far away", js, d(`,"verification_uri":"http://login.example.com/device"`), 200, DeviceCode{}, Unknown, ""},
		{"URI for a terminal", js, d(`,"verification_uri":"https://login.example.com/\u001b[2J"`), 200, DeviceCode{}, Unknown, ""},
		{"expires_in a word", js, d(`,"expires_in":"soon"`), 200, good, "", ""},
		{"expires_in with a unit", js, d(`,"expires_in":"60s"`), 200,
			with(func(c *DeviceCode) { c.Expiry = c.Expiry.Add(-14 * time.Minute) }), "", ""},
		{"expires_in negative", js, d(`,"expires_in":-60`), 200, good, "", ""},
		{"interval a list", js, d(`,"interval":[5]`), 200, good, "", ""},
		{"google's spelling of the complete URL", js, d(`,"verification_url_complete":"https://login.example.com/c"`), 200,
			with(func(c *DeviceCode) { c.VerificationURIComplete = "https://login.example.com/c" }), "", ""},
		{"longest user_code", js, d(`,"user_code":"` + strings.Repeat("A", 64) + `"`), 200,
			with(func(c *DeviceCode) { c.UserCode = strings.Repeat("A", 64) }), "", ""},
		{"error in 200", js, `{"error":"device_flow_disabled"}`, 200, DeviceCode{}, Configuration, "device_flow_disabled"},
		{"refused", js, `{"error":"invalid_client"}`, 401, DeviceCode{}, Configuration, "invalid_client"},
		{"trouble", "text/plain", `oh`, 503, DeviceCode{}, Transient, ""},
		{"redirect", js, ``, 302, DeviceCode{}, Unknown, ""},
		{"HTML", "text/html", `<html>`, 200, DeviceCode{}, Unknown, ""},
		{"not found", "text/html", `<html>`, 404, DeviceCode{}, Unknown, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, fail := answerOf(tc.status, tc.contentType, tc.body).deviceCode()
			if tc.kind != "" {
				if fail == nil || fail.Kind != tc.kind || fail.Code != tc.code || got != (DeviceCode{}) {
					t.Errorf("got %+v, %v; want nothing and %s %q", got, fail, tc.kind, tc.code)
				}
				return
			}
			if fail != nil {
				t.Fatal(fail)
			}
			tc.want.Code = got.Code
			if got != tc.want || got.Code.Reveal() != "dc-1" {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func FuzzDeviceAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"device_code":"d","user_code":"AB-CD","verification_uri":"https://login.example.com/","expires_in":600,"interval":5}`,
		`{"device_code":"d","user_code":"\u001b","verification_url":"https://login.example.com/"}`,
		`{"error":"slow_down","interval":10}`, `{"device_code":"d","user_code":"u","verification_uri":"-x"}`, `[]`, `null`,
		`{"device_code":"d","user_code":"u","verification_uri":"https://a.example.com/","interval":1e300,"expires_in":1e300}`,
	} {
		f.Add(200, "application/json", []byte(seed))
	}
	f.Add(200, "application/x-www-form-urlencoded", []byte("device_code=d&user_code=u&verification_uri=https://a.example.com/"))
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte) {
		a := answerOf(status, contentType, string(body))
		code, fail := a.deviceCode()
		if fail != nil {
			if fail.Kind == "" || strings.ContainsAny(fail.Error(), "\x00\n\r\x1b") || code != (DeviceCode{}) {
				t.Errorf("kind %q, error %q, code %+v", fail.Kind, fail, code)
			}
			return
		}
		if code.Code.IsZero() || code.UserCode == "" || strings.ContainsFunc(code.UserCode, notPrintable) ||
			provider.CheckURL(code.VerificationURI) != nil || code.Interval < time.Second || !code.Expiry.After(a.sentAt) ||
			code.VerificationURIComplete != "" && provider.CheckURL(code.VerificationURIComplete) != nil {
			t.Errorf("accepted %+v", code)
		}
	})
}
