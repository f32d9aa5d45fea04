package google

import (
	"net/url"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// TrustedTokenURI reports whether a token_uri from a file may be sent what the file holds: it is one of Google's token
// endpoints, byte for byte, or on this machine. Checking only the host would not do, because under other paths Google's
// hosts take uploads for anybody.
func TrustedTokenURI(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || provider.CheckURL(uri) != nil {
		return false
	}
	if provider.CheckURL("http://"+u.Host) == nil {
		return true // http is for loopback addresses and localhost only
	}
	switch uri {
	case "https://oauth2.googleapis.com/token", "https://oauth2.mtls.googleapis.com/token",
		"https://accounts.google.com/o/oauth2/token",
		"https://www.googleapis.com/oauth2/v3/token", "https://www.googleapis.com/oauth2/v4/token":
		return true
	default:
		return false
	}
}

// Issues reports whether Google issues the tokens of a, or a stand-in for it on this machine.
func Issues(a account.Account) bool {
	if !a.Grant.HasClient() || a.Provider == "google" {
		return true
	}
	return a.Provider == "" && a.Issuer == "" && TrustedTokenURI(a.Endpoints.Token)
}

// trustedService returns a check whether a URL belongs to one of Google's services, such as sts.googleapis.com, under
// its usual, regional or mTLS name.
func trustedService(service string) func(uri string) bool {
	return func(uri string) bool {
		u, err := url.Parse(uri)
		if err != nil || provider.CheckURL(uri) != nil || u.Scheme != "https" || u.Port() != "" {
			return false
		}
		before, ok := strings.CutSuffix(strings.ToLower(u.Host), ".googleapis.com")
		if !ok {
			return false
		}
		labels := strings.Split(before, ".")
		switch {
		case len(labels) == 1:
			return labels[0] == service
		case len(labels) == 2 && labels[0] == service:
			// Not any label: sts.storage.googleapis.com would be a bucket called sts.
			return labels[1] == "mtls" || isRegion(labels[1])
		default:
			return len(labels) == 2 && labels[1] == service
		}
	}
}

// isRegion reports whether label looks like the name of one of Google's regions, such as us-east1.
func isRegion(label string) bool {
	last := label[max(len(label)-1, 0):]
	return strings.Contains(label, "-") && last >= "0" && last <= "9"
}
