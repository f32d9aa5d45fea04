package login

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"testing"
	"time"

	"oauthd/daemon/account"
)

// clientPEM makes a client's private key.
func clientPEM(t *testing.T) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// Only a login that the provider ended says how long the next may last, and only one of the same client and provider.
func TestHowLongLoginsLasted(t *testing.T) {
	const day = 24 * time.Hour
	then := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	ended := account.Credential{
		Issuer: "https://login.example.com", ClientID: "app", LoggedInAt: then, EndedAt: then.Add(7 * day), Dead: true,
		Lasted: []time.Duration{day, 2 * day},
	}
	for _, tt := range []struct {
		name   string
		change func(before, c *account.Credential)
		want   []time.Duration
	}{
		{"ended", func(_, _ *account.Credential) {}, []time.Duration{day, 2 * day, 7 * day}},
		{"ended, after more than are remembered", func(before, _ *account.Credential) {
			before.Lasted = []time.Duration{day, 2 * day, 3 * day}
		}, []time.Duration{2 * day, 3 * day, 7 * day}},
		{"replaced while it worked", func(before, _ *account.Credential) { before.Dead = false }, []time.Duration{day, 2 * day}},
		{"ended at an unknown time", func(before, _ *account.Credential) { before.EndedAt = time.Time{} }, []time.Duration{day, 2 * day}},
		{"ended before it began, by a clock set back", func(before, _ *account.Credential) {
			before.EndedAt = then.Add(-day)
		}, []time.Duration{day, 2 * day}},
		{"ended at once", func(before, _ *account.Credential) { before.EndedAt = then }, []time.Duration{day, 2 * day}},
		{"begun at an unknown time", func(before, _ *account.Credential) {
			before.LoggedInAt, before.EndedAt = time.Time{}, time.Time{}
		}, []time.Duration{day, 2 * day}},
		{"of another client", func(_, c *account.Credential) { c.ClientID = "other" }, nil},
		{"of another issuer", func(_, c *account.Credential) { c.Issuer = "https://other.example.com" }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, c := ended, account.Credential{Issuer: ended.Issuer, ClientID: ended.ClientID}
			tt.change(&before, &c)
			if got := lasted(before, c); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
