package redirect

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

const minState = 43 // 256 bits in base64url

// Config says what the server of one login listens on and what it accepts. The zero values are the defaults; only State
// is required.
type Config struct {
	// Host is the redirect URI's: "127.0.0.1", "[::1]", or "localhost" for both families on one port. A family that
	// the machine lacks is skipped. "" means "127.0.0.1".
	Host string
	// Ports are the candidates in order; the first free one is taken. Empty means any free port.
	Ports []int
	// Path is compared byte by byte; "" means "/callback".
	Path string
	// State is the state of the authorization request, of at least 43 characters (256 bits in base64url).
	State string
	// Issuer is what an iss in the response must be (RFC 9207 §2.4); "" means that iss is not compared.
	Issuer string
	// RequireIssuer refuses a response without iss, for a server that announced
	// authorization_response_iss_parameter_supported (RFC 9207 §2.4). It needs an Issuer.
	RequireIssuer bool
	// PeerUID is the user whose browser is let in, besides root; -1 lets everybody in, and the zero value is root. It
	// is checked on Linux only, where /proc/net shows it.
	PeerUID int
	// ResponseMode is the response_mode of the authorization request, "query" or "form_post" (OAuth 2.0 Form Post
	// Response Mode §2); "" means query. A response with a code in the other mode ends the login with [ErrOtherMode].
	ResponseMode string
	// HTTPS makes the redirect URI an https one, spoken over HTTP/1.1. Plain http to it gets a 400 without any effect.
	HTTPS bool
	// Certificate is what the server shows if HTTPS is set; nil means one made for this login and valid for a day,
	// whose key is never written anywhere. The browser will warn about it: see [Server.CertificateFingerprint].
	Certificate *tls.Certificate
	// Notice is called with what the person should know while the login goes on waiting: once for each notice, from
	// within [Server.Wait]. If it is nil, notices are dropped.
	Notice func(Notice)
}

func (cfg Config) withoutNotice() Config {
	cfg.Notice = nil
	return cfg
}

func (cfg Config) check() error {
	switch {
	case cfg.ResponseMode != "" && cfg.ResponseMode != modeQuery && cfg.ResponseMode != modeFormPost:
		return fmt.Errorf("%q is not a response mode that can be served", cfg.ResponseMode)
	case cfg.Certificate != nil && !cfg.HTTPS:
		return errors.New("there is a certificate, but https is not set")
	}
	if len(cfg.State) < minState {
		return fmt.Errorf("the state has fewer than %d characters", minState)
	}
	if cfg.RequireIssuer && cfg.Issuer == "" {
		return errors.New("an issuer is required but none is named")
	}
	u, err := url.ParseRequestURI(cfg.Path)
	if err != nil || u.EscapedPath() != cfg.Path || !strings.HasPrefix(cfg.Path, "/") {
		return fmt.Errorf("%q is not the path of a redirect URI", cfg.Path)
	}
	return nil
}
