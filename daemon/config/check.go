package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// CheckRedirectURI returns what is wrong with a loopback redirect URI, or nil. It must be http or https, its host
// 127.0.0.1, [::1] or localhost. Without a port any free one is used (RFC 8252 §7.3).
func CheckRedirectURI(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("must be http:// or https://, to this machine: a loopback redirect URI")
	case u.Hostname() != "127.0.0.1" && u.Hostname() != "::1" && u.Hostname() != "localhost":
		return errors.New("its host must be 127.0.0.1, [::1] or localhost")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("must have no user, query or fragment")
	case u.Port() != "" || strings.HasSuffix(u.Host, ":"):
		if port, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
			return errors.New("its port must be from 1 to 65535")
		}
	}
	return nil
}

// CheckAuthParam refuses the parameters of the authorization request that oauthd sets itself, and a response_mode that
// a redirect server cannot receive.
func CheckAuthParam(key, value string) error {
	switch key {
	case "":
		return errors.New("a parameter needs a name")
	case "state", "nonce", "redirect_uri", "client_id", "response_type", "code_challenge",
		"code_challenge_method", "scope", "request", "request_uri":
		return fmt.Errorf("%s is set by oauthd itself", key)
	case "response_mode":
		if value != "query" && value != "form_post" {
			return errors.New("response_mode is query or form_post")
		}
	}
	return nil
}

// CheckGrant refuses anything but the name of a grant.
func CheckGrant(grant string) error {
	if slices.Contains(account.Grants(), account.Grant(grant)) {
		return nil
	}
	return fmt.Errorf("there is no %q; it is one of %q", api.Excerpt(grant), account.Grants())
}

// CheckResource refuses anything but a resource indicator: an absolute URI without a fragment (RFC 8707 §2).
func CheckResource(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || !u.IsAbs() || strings.Contains(raw, "#") {
		return errors.New("must be an absolute URI without a fragment")
	}
	return nil
}
