package aws

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/ipc/api"
)

// rig is a server with a daemon and an STS of its own.
type rig struct {
	*Server
	daemon error // what the daemon answers with
	sts    error // what STS answers with

	mu         sync.Mutex // guards the fields below
	assumed    int
	complaints []error
}

func (r *rig) Token(context.Context, api.TokenRequest) (api.Token, error) {
	return api.Token{IDToken: "I"}, r.daemon
}

func newRig(now func() time.Time) *rig {
	r := &rig{}
	r.Server = New(Config{Account: "work", RoleARN: "arn:aws:iam::123456789012:role/deploy", Secret: "secret"}, r, func(context.Context) (Credentials, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.assumed++
		if r.sts != nil {
			return Credentials{}, r.sts
		}
		return Credentials{"A", "S", "T", now().Add(time.Hour)}, nil
	}, func(err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.complaints = append(r.complaints, err)
	})
	r.now = now
	return r
}

func (r *rig) get(t *testing.T, method, target, secret string) (int, map[string]string) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	if secret != "" {
		request.Header.Set("Authorization", secret)
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, request)
	var answer map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("got %q, %v, %v, want JSON", w.Body, err, w.Header())
	}
	return w.Code, answer
}

func TestCredentialsAreKeptWhileTheyLast(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	r := newRig(func() time.Time { return now })
	for _, step := range []struct {
		after   time.Duration
		assumed int
	}{{0, 1}, {40 * time.Minute, 1}, {6 * time.Minute, 2}, {time.Minute, 2}, {2 * time.Hour, 3}} {
		now = now.Add(step.after)
		status, answer := r.get(t, "GET", Path, "secret")
		if status != 200 || answer["AccessKeyId"] != "A" || answer["SecretAccessKey"] != "S" || answer["Token"] != "T" || answer["RoleArn"] != "arn:aws:iam::123456789012:role/deploy" {
			t.Fatalf("got %d, %v", status, answer)
		}
		if ends, err := time.Parse(time.RFC3339, answer["Expiration"]); err != nil || ends.Sub(now) < margin {
			t.Errorf("got %v, %v, want credentials that last", answer["Expiration"], err)
		}
		if r.assumed != step.assumed {
			t.Errorf("after %v more: got %d requests to AWS, want %d", step.after, r.assumed, step.assumed)
		}
	}
	if len(r.complaints) != 5 || slices.ContainsFunc(r.complaints, func(err error) bool { return err != nil }) {
		t.Errorf("got %v", r.complaints)
	}
}

func TestManyAsksCostOne(t *testing.T) {
	r := newRig(time.Now)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			if status, _ := r.get(t, "GET", Path, "secret"); status != 200 {
				t.Errorf("got %d", status)
			}
		})
	}
	if all.Wait(); r.assumed != 1 {
		t.Errorf("got %d requests to AWS, want one", r.assumed)
	}
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name, method, target, secret string
		status                       int
	}{
		{"no header", "GET", Path, "", 401}, {"another", "GET", Path, "secret2", 401}, {"a scheme", "GET", Path, "Bearer secret", 401},
		{"another path", "GET", "/", "secret", 404}, {"another method", "PUT", Path, "secret", 405},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(time.Now)
			if status, answer := r.get(t, test.method, test.target, test.secret); status != test.status || answer["message"] == "" || r.assumed != 0 {
				t.Errorf("got %d, %v, %d requests to AWS", status, answer, r.assumed)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	locked := &api.Error{Code: api.Locked, Message: "oauthd is locked", Hint: "oauthd unlock"}
	outage := &api.Error{Code: api.ProviderUnreachable, Message: "AWS cannot be reached", Hint: "try again later"}
	now := time.Unix(1_800_000_000, 0)
	r := newRig(func() time.Time { return now })
	wants := func(status int, code api.Code, complaint error) {
		t.Helper()
		got, answer := r.get(t, "GET", Path, "secret")
		if got != status || answer["code"] != string(code) || !errors.Is(r.complaints[len(r.complaints)-1], complaint) || (answer["AccessKeyId"] != "") != (status == http.StatusOK) {
			t.Errorf("got %d, %v, %v, want %d, %s", got, answer, r.complaints, status, code)
		}
		if code != "" && !strings.Contains(answer["message"], "\nhint: ") {
			t.Errorf("got %v, want the hint", answer)
		}
	}
	r.sts = outage
	wants(503, api.ProviderUnreachable, outage)
	r.sts = nil
	wants(200, "", nil)
	r.daemon = locked
	wants(423, api.Locked, locked) // although there are credentials
	r.daemon = outage
	wants(200, "", nil) // with those at hand
	now = now.Add(50 * time.Minute)
	r.sts = outage
	wants(200, "", outage)
	now = now.Add(20 * time.Minute)
	wants(503, api.ProviderUnreachable, outage)
}

func TestNobodyWaits(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := newRig(time.Now)
	<-r.turn // somebody else's
	request := httptest.NewRequestWithContext(ctx, "GET", Path, nil)
	request.Header.Set("Authorization", "secret")
	if r.ServeHTTP(httptest.NewRecorder(), request); len(r.complaints) != 0 {
		t.Errorf("got %v", r.complaints)
	}
}
