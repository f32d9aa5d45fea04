package vault

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
)

func shows(text, secret string) bool { return strings.Contains(text, secret) }

// full is a credential with everything set.
func full() account.Credential {
	c := credential("rt-" + strings.Repeat("r", 200))
	c.RevocationEndpoint = "https://login.example.com/revoke"
	c.AuthMethod = "client_secret_post"
	c.ClientSecret = account.NewSecret("GOCSPX-hunter2")
	c.Subject, c.Email = "110248495921238986420", "ada@example.com"
	c.Key, c.RedirectURI = account.NewSecret(`{"kty":"oct"}`), "http://127.0.0.1:8400/callback"
	c.ProofKey = account.NewSecret("l9Jt0mUkBlpbKGUGBvDXqD8zvHbHLTEx3WsVnXKaAdQ")
	c.Generation = 7
	c.UsedAt, c.RefreshExpiry = c.LoggedInAt.Add(time.Hour), c.LoggedInAt.AddDate(0, 0, 7)
	c.Dead = true
	c.SendScope, c.EndedAt = true, c.LoggedInAt.AddDate(0, 0, 8)
	c.LoginScopes = []string{"openid", "email"}
	c.Lasted = []time.Duration{24 * time.Hour, 25*time.Hour + time.Second}
	return c
}

// A field that is added to the credential belongs in full, and so in the tests of the record.
func TestFullIsFull(t *testing.T) {
	c := reflect.ValueOf(full())
	for i := range c.NumField() {
		switch name := c.Type().Field(i).Name; name {
		case "AccessToken", "TokenType", "Expiry": // absent beside a refresh token
		default:
			if c.Field(i).IsZero() {
				t.Errorf("%s is not set", name)
			}
		}
	}
}

func TestRecordRoundTrip(t *testing.T) {
	late := time.Date(2026, 1, 2, 4, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		change func(c *account.Credential)
	}{
		{"everything", func(*account.Credential) {}},
		{"without a refresh token", func(c *account.Credential) {
			c.RefreshToken = account.Secret{}
			c.AccessToken, c.TokenType, c.Expiry = account.NewSecret("at-kept"), "Bearer", late
		}},
		{"without a refresh token or an end", func(c *account.Credential) {
			c.RefreshToken = account.Secret{}
			c.AccessToken, c.TokenType = account.NewSecret("at-kept"), "Bearer"
		}},
		{"scopes never said", func(c *account.Credential) { c.Scopes = nil }},
		{"public client, no issuer", func(c *account.Credential) { c.ClientSecret, c.Issuer, c.Dead = account.Secret{}, "", false }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := full()
			tt.change(&want)
			data, err := encode("work", want)
			if err != nil {
				t.Fatal(err)
			}
			got, named, err := decode("work", data)
			if err != nil || !named {
				t.Fatalf("got named %t, %v; want a record that says whose it is", named, err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v (or secrets differ)", got, want)
			}
		})
	}
}

func TestRecordHoldsNoAccessTokenBesideARefreshToken(t *testing.T) {
	c := full()
	c.AccessToken, c.TokenType, c.Expiry = account.NewSecret("at-fleeting"), "Bearer", time.Now()
	data, err := encode("work", c)
	if err != nil {
		t.Fatal(err)
	}
	for _, absent := range []string{"at-fleeting", "access_token", "expiry", "token_type"} {
		if shows(string(data), absent) {
			t.Errorf("the record has %s, want what a refresh can bring back left out", absent)
		}
	}
}

func TestRecordHoldsNothingUnknown(t *testing.T) {
	data, err := encode("work", account.Credential{RefreshToken: account.NewSecret("rt")})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"v":1,"name":"work","gen":0,"token_endpoint":"","client_id":"","refresh_token":"rt","logged_in_at":"0001-01-01T00:00:00Z"}`
	if string(data) != want {
		t.Errorf("got a record of %d bytes, want no members that say nothing", len(data))
	}
}

func TestRecordIsSmall(t *testing.T) {
	c := full()
	c.Issuer = "https://accounts.google.com"
	c.TokenEndpoint, c.RevocationEndpoint = "https://oauth2.googleapis.com/token", "https://oauth2.googleapis.com/revoke"
	c.ClientID = strings.Repeat("7", 12) + "-" + strings.Repeat("a", 32) + ".apps.googleusercontent.com"
	c.ClientSecret = account.NewSecret(strings.Repeat("s", 35))
	c.RefreshToken = account.NewSecret(strings.Repeat("r", 512))
	c.Scopes = nil
	for range 10 {
		c.Scopes = append(c.Scopes, "https://www.googleapis.com/auth/calendar.readonly")
	}
	data, err := encode("work", c)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 2400 {
		t.Errorf("got a record of %d bytes, want at most 2400", len(data))
	}
}

func FuzzDecode(f *testing.F) {
	data, err := encode("work", full())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"v":1,"logged_in_at":"x"}`))
	f.Add([]byte(`{"v":1e9}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := decode("work", data)
		if err != nil {
			if len(data) > 20 && shows(err.Error(), string(data)) {
				t.Error("the error quotes the record")
			}
			return
		}
		again, err := encode("work", c)
		if err != nil {
			t.Skip() // a date outside of what JSON can say
		}
		back, _, err := decode("work", again)
		if err != nil || !back.RefreshToken.Equal(c.RefreshToken) || back.ClientID != c.ClientID || back.Dead != c.Dead {
			t.Errorf("a record that was read does not survive being written (%v)", err)
		}
	})
}
