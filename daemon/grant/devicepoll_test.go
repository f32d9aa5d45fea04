package grant

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/oauthtest"
	"oauthd/daemon/provider"
)

// poll is one answer to a poll; if err is set, the network fails instead.
type poll struct {
	status     int
	body       string
	retryAfter string
	form       bool // in place of JSON
	err        error
}

// pollAll plays answers to [Client.PollDevice] in a bubble, and returns when the polls came, in seconds.
func pollAll(t *testing.T, code DeviceCode, answers ...poll) (resp Response, at []float64, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if code.Expiry.IsZero() {
			code.Expiry = began.Add(time.Hour)
		}
		c := Client{HTTP: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
			at = append(at, time.Since(began).Seconds())
			if len(at) > len(answers) {
				t.Errorf("poll %d, want %d at most", len(at), len(answers))
				return nil, errors.New("no answer left")
			}
			_ = r.ParseForm()
			if want := "client_id=desk&device_code=dc-secret-1&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code"; r.PostForm.Encode() != want {
				t.Errorf("form: got %s, want %s", r.PostForm.Encode(), want)
			}
			a := answers[len(at)-1]
			if a.err != nil {
				return nil, a.err
			}
			h := http.Header{"Content-Type": {"application/json"}}
			if a.form {
				h.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			if a.retryAfter != "" {
				h.Set("Retry-After", a.retryAfter)
			}
			return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
		})}}
		code.Code = account.NewSecret("dc-secret-1")
		resp, err = c.PollDevice(context.Background(), DevicePoll{
			TokenEndpoint: "https://login.example.com/token", Auth: public, Code: code,
		})
		at = append(at, time.Since(began).Seconds())
	})
	return resp, at, err
}

func TestPollDevicePace(t *testing.T) {
	say := func(status int, body string) poll { return poll{status: status, body: body} }
	var (
		pending = say(400, `{"error":"authorization_pending"}`)
		slow    = say(400, `{"error":"slow_down"}`)
		done    = say(200, okBody)
		down    = poll{err: errors.New("no network")}
	)
	for _, tc := range []struct {
		name    string
		code    DeviceCode
		answers []poll
		want    []float64 // of the polls
	}{
		{"pending", DeviceCode{}, []poll{pending, pending, done}, []float64{5, 10, 15}},
		{"own interval", DeviceCode{Interval: 2 * time.Second}, []poll{pending, done}, []float64{2, 4}},
		{"slow_down counts from then on", DeviceCode{}, []poll{slow, pending, done}, []float64{5, 15, 25}},
		{"slow_down adds up", DeviceCode{}, []poll{slow, slow, done}, []float64{5, 15, 30}},
		{"github: in a 200, with the new interval", DeviceCode{}, []poll{say(200, `{"error":"slow_down","interval":20}`),
			say(200, `{"error":"authorization_pending"}`), done}, []float64{5, 25, 45}},
		{"github: as a form", DeviceCode{}, []poll{{status: 200, body: "error=slow_down&interval=20", form: true}, done}, []float64{5, 25}},
		{"a shorter interval does not undo slow_down", DeviceCode{}, []poll{say(400, `{"error":"slow_down","interval":1}`),
			say(400, `{"error":"authorization_pending","interval":1}`), done}, []float64{5, 15, 25}},
		{"a longer interval while pending", DeviceCode{}, []poll{say(400, `{"error":"authorization_pending","interval":"8"}`),
			pending, done}, []float64{5, 13, 21}},
		{"an interval that is none", DeviceCode{}, []poll{say(400, `{"error":"authorization_pending","interval":{}}`), done}, []float64{5, 10}},
		{"network errors double it, once", DeviceCode{}, []poll{down, down, down, pending, done}, []float64{5, 15, 35, 75, 80}},
		{"and anew after an answer", DeviceCode{}, []poll{down, down, pending, down, down, slow, down, done},
			[]float64{5, 15, 35, 40, 50, 70, 80, 100}},
		{"and no longer than a minute", DeviceCode{}, []poll{down, down, down, down, down, done}, []float64{5, 15, 35, 75, 135, 195}},
		{"server errors", DeviceCode{}, []poll{say(503, ``), say(502, `<html>`), done}, []float64{5, 15, 35}},
		{"a page of the network in between", DeviceCode{}, []poll{say(200, `<html>`), done}, []float64{5, 15}},
		{"too many requests", DeviceCode{}, []poll{say(429, ``), done}, []float64{5, 15}},
		{"Retry-After", DeviceCode{}, []poll{{status: 429, retryAfter: "90"}, done}, []float64{5, 95}},
		{"Retry-After with slow_down", DeviceCode{}, []poll{{status: 429, body: slow.body, retryAfter: "30"}, pending, done}, []float64{5, 35, 45}},
		{"temporarily unavailable", DeviceCode{}, []poll{say(400, `{"error":"temporarily_unavailable"}`), done}, []float64{5, 15}},
		{"a long interval is not cut", DeviceCode{Interval: 2 * time.Minute}, []poll{down, done}, []float64{120, 240}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp, at, err := pollAll(t, tc.code, tc.answers...)
			if err != nil || resp.Token.Access.Reveal() != "at-1" {
				t.Errorf("got %v, want a token", err)
			}
			if got := at[:len(at)-1]; !reflect.DeepEqual(got, tc.want) {
				t.Errorf("polls at %v s, want %v", got, tc.want)
			}
		})
	}
}

func TestPollDeviceEnds(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		status     int
		want       error
		code       string
		kept       bool // a refresh token
	}{
		{"denied", `{"error":"access_denied"}`, 400, ErrDeviceDenied, "access_denied", false},
		{"denied, microsoft", `{"error":"authorization_declined"}`, 400, ErrDeviceDenied, "authorization_declined", false},
		{"expired", `{"error":"expired_token"}`, 400, ErrDeviceExpired, "expired_token", false},
		{"expired, github", `{"error":"expired_token","interval":5}`, 200, ErrDeviceExpired, "expired_token", false},
		{"refused", `{"error":"invalid_grant","error_description":"dc-secret-1 is spent"}`, 400, nil, "invalid_grant", false},
		{"wrong client", `{"error":"invalid_client"}`, 401, nil, "invalid_client", false},
		{"wrong code, github", `{"error":"incorrect_device_code"}`, 200, nil, "incorrect_device_code", false},
		{"no token", `{"refresh_token":"rt-new","token_type":"Bearer"}`, 200, nil, "", true},
		{"redirect", ``, 302, nil, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp, at, err := pollAll(t, DeviceCode{}, poll{status: tc.status, body: tc.body})
			pe := asProviderError(t, err)
			if pe.Code != tc.code || tc.want != nil && !errors.Is(err, tc.want) ||
				tc.want == nil && (errors.Is(err, ErrDeviceDenied) || errors.Is(err, ErrDeviceExpired)) {
				t.Errorf("got %v, want %v with code %q", err, tc.want, tc.code)
			}
			if strings.Contains(err.Error(), "dc-secret") {
				t.Error("the error shows the device code")
			}
			if kept := resp.RefreshToken.Reveal() == "rt-new"; kept != tc.kept || !resp.Token.Access.IsZero() {
				t.Errorf("refresh token: got %t, want %t, and no access token", kept, tc.kept)
			}
			if want := []float64{5, 5}; !reflect.DeepEqual(at, want) {
				t.Errorf("polled and ended at %v s, want %v", at, want)
			}
		})
	}
	t.Run("expiry passes", func(t *testing.T) {
		pending := poll{status: 400, body: `{"error":"authorization_pending"}`}
		// Bubbles begin at midnight UTC 2000-01-01.
		expiry := time.Date(2000, 1, 1, 0, 0, 12, 0, time.UTC)
		_, at, err := pollAll(t, DeviceCode{Expiry: expiry}, pending, pending)
		if !errors.Is(err, ErrDeviceExpired) {
			t.Errorf("got %v, want ErrDeviceExpired", err)
		}
		if want := []float64{5, 10, 12}; !reflect.DeepEqual(at, want) {
			t.Errorf("polled and ended at %v s, want %v", at, want)
		}
	})
}

func TestPollDeviceCancel(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer func(*http.Request) (*http.Response, error)
		after  time.Duration
	}{
		{"while waiting", nil, 3 * time.Second},
		{"while asking", func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, 7 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				ctx, cancel := context.WithCancel(context.Background())
				time.AfterFunc(tc.after, cancel)
				c := Client{HTTP: &http.Client{Transport: tripper(tc.answer)}}
				_, err := c.PollDevice(ctx, DevicePoll{
					TokenEndpoint: "https://login.example.com/token", Auth: public, Code: DeviceCode{Expiry: began.Add(time.Hour)},
				})
				if took := time.Since(began); !errors.Is(err, context.Canceled) || took != tc.after {
					t.Errorf("got %v after %v, want context.Canceled after %v", err, took, tc.after)
				}
			})
		})
	}
}

// After a suspend the wall clock is far ahead of the timers.
func TestPollDeviceSeesTheClockJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c := Client{Now: func() time.Time {
			now := time.Now()
			if now.Sub(began) > time.Second {
				now = now.Add(2 * time.Hour)
			}
			return now
		}}
		_, err := c.PollDevice(context.Background(), DevicePoll{
			TokenEndpoint: "https://login.example.com/token", Auth: public,
			Code: DeviceCode{Expiry: began.Add(time.Hour), Interval: 30 * time.Minute},
		})
		if took := time.Since(began); !errors.Is(err, ErrDeviceExpired) || took != devicePause {
			t.Errorf("got %v after %v, want ErrDeviceExpired after %v", err, took, devicePause)
		}
	})
}

// TestDeviceGrant goes the whole way at a server that keeps to the RFC.
func TestDeviceGrant(t *testing.T) {
	for _, tc := range []struct {
		name   string
		decide func(s *oauthtest.Running, userCode string) error
		fault  oauthtest.Fault
		want   error
		took   time.Duration
		polls  int
	}{
		{"allowed", func(s *oauthtest.Running, u string) error { return s.ApproveDevice(u) }, nil, nil, 15 * time.Second, 3},
		{"denied", func(s *oauthtest.Running, u string) error { return s.DenyDevice(u) }, nil, ErrDeviceDenied, 15 * time.Second, 3},
		{"forgotten", nil, nil, ErrDeviceExpired, 30 * time.Second, 5},
		{"slowed down", func(s *oauthtest.Running, u string) error { return s.ApproveDevice(u) },
			oauthtest.Error(400, "slow_down"), nil, 15 * time.Second, 2},
		{"a lost connection", func(s *oauthtest.Running, u string) error { return s.ApproveDevice(u) },
			oauthtest.Reset(), nil, 15 * time.Second, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := oauthtest.Pipe(oauthtest.Config{
					Device: true, DeviceLifetime: 30 * time.Second, Clients: []oauthtest.Client{{ID: "desk"}},
				})
				defer s.Close()
				c := Client{HTTP: s.Client()}
				p, err := provider.Discover(context.Background(), s.Client(), s.Issuer())
				if err != nil {
					t.Fatal(err)
				}
				code, err := c.AuthorizeDevice(context.Background(), DeviceAuthorization{
					Endpoint: p.Endpoints.Device, Auth: public, Scopes: []string{"openid", "offline_access"}, Resource: "https://api.example.com/",
				})
				if err != nil {
					t.Fatal(err)
				}
				if tc.fault != nil {
					s.Script(oauthtest.Token, tc.fault)
				}
				if tc.decide != nil {
					time.AfterFunc(12*time.Second, func() {
						if err := tc.decide(s, code.UserCode); err != nil {
							t.Error(err)
						}
					})
				}
				began := time.Now()
				resp, err := c.PollDevice(context.Background(), DevicePoll{
					TokenEndpoint: p.Endpoints.Token, Auth: public, Code: code, Resource: "https://api.example.com/",
				})
				if took := time.Since(began); !errors.Is(err, tc.want) || took != tc.took {
					t.Errorf("got %v after %v, want %v after %v", err, took, tc.want, tc.took)
				}
				if got := s.TokenRequests(deviceGrantType); got != tc.polls {
					t.Errorf("got %d polls, want %d", got, tc.polls)
				}
				if want := tc.want == nil; resp.Token.Access.IsZero() == want || resp.RefreshToken.IsZero() == want {
					t.Errorf("tokens: want both %t", want)
				}
				for _, e := range []oauthtest.Endpoint{oauthtest.DeviceAuthorization, oauthtest.Token} {
					if got := s.Resources(e); !reflect.DeepEqual(got[0], []string{"https://api.example.com/"}) {
						t.Errorf("%s: resource: got %v", e, got)
					}
				}
			})
		})
	}
}

// A clock that jumps, as after a suspend, ends the wait for a code that has expired meanwhile.
func TestPollDeviceNoticesAClockThatJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var jump atomic.Int64
		time.AfterFunc(20*time.Second, func() { jump.Store(int64(2 * time.Hour)) })
		c := Client{
			Now: func() time.Time { return time.Now().Add(time.Duration(jump.Load())) },
			HTTP: &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) {
				t.Error("a request was sent for a code that has expired")
				return nil, errors.New("no network")
			})},
		}
		_, err := c.PollDevice(context.Background(), DevicePoll{TokenEndpoint: "https://login.example.com/token", Auth: public,
			Code: DeviceCode{Code: account.NewSecret("dc-1"), Interval: 10 * time.Minute, Expiry: began.Add(time.Hour)}})
		if took := time.Since(began); !errors.Is(err, ErrDeviceExpired) || took > 35*time.Second {
			t.Errorf("got %v after %v, want that the code has expired, within 15 s of the jump", err, took)
		}
	})
}
