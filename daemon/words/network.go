package words

import (
	"errors"
	"net/http"

	"oauthd/daemon/provider"
)

// restart is how a daemon gets another environment.
const restart = ", then run oauthd stop; the next command starts a daemon with it"

// wayOut is the hint for a provider that could not be reached: what to do about the network if err says what stands in
// the way, else otherwise.
func wayOut(err error, otherwise string) string {
	var proxy *provider.ProxyError
	var unresolved *provider.UnresolvedError
	switch {
	case errors.As(err, &proxy) && proxy.Status == http.StatusProxyAuthRequired:
		return "the proxy wants a user and a password: set HTTPS_PROXY=http://USER:PASSWORD@" + proxy.Proxy + restart
	case errors.As(err, &proxy) && proxy.Status != 0:
		return "ask whoever runs the proxy to allow the provider, or name the provider's host in NO_PROXY" + restart
	case errors.As(err, &proxy):
		return "check HTTPS_PROXY, which the daemon took over from the command that started it; set it right" + restart
	case errors.As(err, &unresolved):
		return "check the network; if it is reached through a proxy, set HTTPS_PROXY" + restart
	}
	return otherwise
}
