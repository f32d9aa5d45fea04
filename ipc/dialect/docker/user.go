package docker

import (
	"strings"

	"oauthd/ipc/api"
)

// userAt is the user name that goes with any token at a registry whose owner wants a certain one; "" if it wants none, or
// is not known.
func userAt(host string) string {
	switch {
	case host == "gcr.io", strings.HasSuffix(host, ".gcr.io"), strings.HasSuffix(host, ".pkg.dev"):
		return "oauth2accesstoken" // Google's
	case host == "registry.gitlab.com":
		return "oauth2"
	case isAzure(host):
		return azureUser
	}
	return ""
}

// userFor is the user name that a registry wants beside a token of an account: what its owner says, or else the person's
// e-mail address, or else the account's name.
func userFor(server string, a api.Account) string {
	switch user := userAt(hostOf(server)); {
	case user != "":
		return user
	case a.Provider == "gitlab": // a GitLab of one's own
		return "oauth2"
	case a.Email != "" && !strings.Contains(a.Email, ":"): // which would end the user name (RFC 7617 §2)
		return a.Email
	}
	return a.Name
}

// Hosts returns the registries that programs may ask for by the hosts of an account's file: those without a path, and not
// for several hosts at once.
func Hosts(a api.Account) (hosts []string) {
	for _, pattern := range a.Hosts {
		_, host, found := strings.Cut(pattern, "://")
		if !found {
			host = pattern
		}
		host = strings.TrimSuffix(host, "/")
		if !strings.HasPrefix(host, "*") && !strings.Contains(host, "/") {
			hosts = append(hosts, host)
		}
	}
	return hosts
}
