package oauthtest

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const deviceGrantType = "urn:ietf:params:oauth:grant-type:device_code"

// decision is what the person has said to a device.
type decision int

const (
	undecided decision = iota
	allowedDevice
	deniedDevice
)

// deviceGrant is a device authorization (RFC 8628 §3.2) until its tokens are given out.
type deviceGrant struct {
	consent  *consent
	client   Client
	userCode string
	// page is what the form of the person's page sends along, so that a page of another site cannot send it.
	page     string
	decision decision
	spent    bool
	interval time.Duration
	polled   time.Time
	expires  time.Time
}

// deviceAuthorization is RFC 8628 §3.1.
func (s *Server) deviceAuthorization(w http.ResponseWriter, r *http.Request) {
	if !allowed(w, r, http.MethodPost) {
		return
	}
	client, form, problem := s.readDirect(r)
	scopes, ok := parseScope(form.Get("scope"))
	switch {
	case problem != nil:
	case !client.mayUse(deviceGrantType):
		problem = &oauthError{400, "unauthorized_client", "the client is not registered for this grant type"}
	case !ok || !within(scopes, s.cfg.Scopes):
		problem = &oauthError{400, "invalid_scope", "scope is missing, not well formed or not supported"}
	case !wellFormedResources(form["resource"]):
		problem = &oauthError{400, "invalid_target", "a resource is not an absolute URI without a fragment"}
	}
	if problem != nil {
		answerError(*problem).ServeHTTP(w, r)
		return
	}
	now := s.cfg.Now()
	d := &deviceGrant{
		consent:  &consent{client: client.ID, scopes: scopes, resources: form["resource"], anew: true},
		client:   client,
		userCode: newUserCode(),
		page:     newSecret("dp-"),
		interval: s.cfg.DeviceInterval.Truncate(time.Second),
		expires:  now.Add(s.cfg.DeviceLifetime.Truncate(time.Second)),
	}
	deviceCode := newSecret("dc-")
	s.mu.Lock()
	s.devices[deviceCode] = d
	s.mu.Unlock()
	uri := s.url("/device")
	writeJSON(w, http.StatusOK, map[string]any{
		"device_code": deviceCode, "user_code": d.userCode, "verification_uri": uri,
		"verification_uri_complete": uri + "?" + url.Values{"user_code": {d.userCode}}.Encode(),
		"expires_in":                int64(s.cfg.DeviceLifetime / time.Second),
		"interval":                  int64(d.interval / time.Second),
	})
}

// newUserCode returns eight letters that make no words and are hard to mistake (RFC 8628 §6.1).
func newUserCode() string {
	const letters = "BCDFGHJKLMNPQRSTVWXZ"
	code := make([]byte, 0, 9)
	for len(code) < 9 {
		if len(code) == 4 {
			code = append(code, '-')
		}
		var b [1]byte
		_, _ = rand.Read(b[:])
		if n := int(b[0]); n < 256-256%len(letters) {
			code = append(code, letters[n%len(letters)])
		}
	}
	return string(code)
}

// poll is a token request of the device grant (RFC 8628 §3.4, §3.5).
func (s *Server) poll(client Client, form url.Values) (issue, *oauthError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices[form.Get("device_code")]
	now := s.cfg.Now()
	if d == nil || d.consent.client != client.ID || d.spent {
		return issue{}, &oauthError{400, "invalid_grant", "the device code is not valid for this client"}
	}
	early := !d.polled.IsZero() && now.Sub(d.polled) < d.interval
	d.polled = now
	switch {
	case d.consent.revoked, !now.Before(d.expires):
		return issue{}, &oauthError{400, "expired_token", "the device code has expired"}
	case early:
		d.interval += 5 * time.Second
		return issue{}, &oauthError{400, "slow_down", "the interval was not kept, and is now 5 seconds longer"}
	case d.decision == undecided:
		return issue{}, &oauthError{400, "authorization_pending", "the person has not decided"}
	}
	d.spent = true
	if d.decision == deniedDevice {
		return issue{}, &oauthError{400, "access_denied", "the person said no"}
	}
	return s.beginLocked(client, d.consent, form)
}

// ApproveDevice is the person who allows the device that shows userCode. Letter case and punctuation do not count. It is
// an error when no device waits with that code.
func (s *Server) ApproveDevice(userCode string) error { return s.decideDevice(userCode, allowedDevice) }

// DenyDevice is the person who says no to the device that shows userCode; see [Server.ApproveDevice].
func (s *Server) DenyDevice(userCode string) error { return s.decideDevice(userCode, deniedDevice) }

func (s *Server) decideDevice(userCode string, what decision) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.waitingDeviceLocked(func(d *deviceGrant) bool { return plainCode(d.userCode) == plainCode(userCode) })
	if d == nil {
		return errors.New("oauthtest: no device waits with that user code")
	}
	s.settleLocked(d, what)
	return nil
}

// waitingDeviceLocked returns the undecided device that is fits, or nil.
func (s *Server) waitingDeviceLocked(is func(*deviceGrant) bool) *deviceGrant {
	now := s.cfg.Now()
	for _, d := range s.devices {
		if is(d) && d.decision == undecided && !d.consent.revoked && now.Before(d.expires) {
			return d
		}
	}
	return nil
}

func (s *Server) settleLocked(d *deviceGrant, what decision) {
	d.decision = what
	d.consent.user, d.consent.at = s.user, s.cfg.Now()
}

// plainCode is a user code as it is compared: what a person may have typed differently is left out.
func plainCode(userCode string) string {
	return strings.Map(func(c rune) rune {
		if c < 'A' || c > 'Z' {
			return -1
		}
		return c
	}, strings.ToUpper(userCode))
}

// WaitingDevices returns the user codes of the devices that wait for the person, sorted.
func (s *Server) WaitingDevices() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	codes := []string{}
	for _, d := range s.devices {
		if d.decision == undecided && !d.consent.revoked && s.cfg.Now().Before(d.expires) {
			codes = append(codes, d.userCode)
		}
	}
	slices.Sort(codes)
	return codes
}
