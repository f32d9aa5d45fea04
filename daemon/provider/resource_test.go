package provider

import (
	"slices"
	"testing"
	"time"
)

func TestOneResource(t *testing.T) {
	const graph, outlook = "https://graph.microsoft.com/", "https://outlook.office.com/"
	microsoft, _ := Lookup("microsoft")
	google, _ := Lookup("google")
	for _, tt := range []struct {
		name     string
		provider Provider
		scopes   []string
		one      []string
		whole    bool
	}{
		{"one resource", microsoft, []string{"openid", "User.Read", graph + "Mail.Read"}, []string{"openid", "User.Read", graph + "Mail.Read"}, true},
		{"in another case", microsoft, []string{"User.Read", "HTTPS://Graph.Microsoft.com/Mail.Read"},
			[]string{"User.Read", "HTTPS://Graph.Microsoft.com/Mail.Read"}, true},
		{"two", microsoft, []string{"openid", outlook + "IMAP.AccessAsUser.All", "User.Read", outlook + "SMTP.Send", "offline_access"},
			[]string{"openid", outlook + "IMAP.AccessAsUser.All", outlook + "SMTP.Send", "offline_access"}, false},
		{"none", microsoft, []string{"openid", "email"}, []string{"openid", "email"}, true},
		{"nothing said", microsoft, nil, nil, true},
		{"an application", microsoft, []string{"api://1/read", "api://2/read"}, []string{"api://1/read"}, false},
		{"elsewhere a token holds all", google, []string{"https://mail.google.com/", "https://www.googleapis.com/auth/calendar"},
			[]string{"https://mail.google.com/", "https://www.googleapis.com/auth/calendar"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if one, whole := tt.provider.OneResource(tt.scopes); !slices.Equal(one, tt.one) || whole != tt.whole {
				t.Errorf("got %q, %t; want %q, %t", one, whole, tt.one, tt.whole)
			}
		})
	}
}

func TestIdleLimits(t *testing.T) {
	const day = 24 * time.Hour
	for name, want := range map[string]time.Duration{"google": 180 * day, "microsoft": 90 * day, "github": 0, "gitlab": 0} {
		if p, _ := Lookup(name); p.IdleLimit.Duration() != want {
			t.Errorf("%s: got %v, want %v", name, p.IdleLimit, want)
		}
	}
}
