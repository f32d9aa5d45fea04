package api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Form is how a token is written for the program that reads it. The zero value is the token alone.
type Form struct {
	// Format is one of [Formats]; "" means raw.
	Format string
	// Template, if it is not "", is used instead of a format: text in which {{token}} and the like stand for values.
	Template string
	// User is the identity at the server, for xoauth2 and oauthbearer and for {{user}}. Host and Port are the server's,
	// for oauthbearer; "" and 0 leave them out.
	User string
	Host string
	Port int64
	// IDToken has the ID token written, in json and env beside the access token.
	IDToken bool
}

// The formats.
const (
	FormatRaw         = "raw"         // the token alone
	FormatJSON        = "json"        // RFC 6749 §5.1, as the daemon answers it
	FormatHeader      = "header"      // an HTTP header: Authorization: Bearer TOKEN
	FormatHeaders     = "headers"     // the same as a JSON object
	FormatBearer      = "bearer"      // the header's value: Bearer TOKEN
	FormatEnv         = "env"         // NAME=VALUE lines
	FormatXOAUTH2     = "xoauth2"     // the SASL mechanism's response, in base64
	FormatOAUTHBEARER = "oauthbearer" // the same of RFC 7628 §3.1
)

// Formats returns the names of the formats.
func Formats() []string {
	return []string{FormatRaw, FormatJSON, FormatHeader, FormatHeaders, FormatBearer, FormatEnv, FormatXOAUTH2, FormatOAUTHBEARER}
}

func formError(message, hint string) error {
	return &Error{Code: BadRequest, Message: message, Hint: hint}
}

// Check returns a [BadRequest] error that says what is wrong with f, or nil.
func (f Form) Check() error {
	sasl := f.Format == FormatXOAUTH2 || f.Format == FormatOAUTHBEARER
	switch {
	case f.Format != "" && !slices.Contains(Formats(), f.Format):
		last := len(Formats()) - 1
		return formError(fmt.Sprintf("there is no format %q", Excerpt(f.Format)),
			"the formats are "+strings.Join(Formats()[:last], ", ")+" and "+Formats()[last])
	case f.Template != "" && f.Format != "" && f.Format != FormatRaw:
		return formError("a format and a template exclude each other", "give one of them")
	case f.User != "" && !sasl && f.Template == "":
		return formError("a user makes sense only for the formats xoauth2 and oauthbearer", "leave the user out, or choose one of these formats")
	case (f.Host != "" || f.Port != 0) && f.Format != FormatOAUTHBEARER:
		return formError("a host and a port make sense only for the format oauthbearer", "leave them out, or choose that format")
	case f.Port < 0 || f.Port > 65535:
		return formError(fmt.Sprintf("%d is not a port", f.Port), "give a number from 1 to 65535, such as 993 for IMAP")
	case steers(f.User):
		return formError("the user has control characters", "give the name that you log in with, such as ada@example.com")
	case steers(f.Host) || strings.ContainsAny(f.Host, " /"):
		return formError(fmt.Sprintf("%q is not a host", Excerpt(f.Host)), "give the mail server's name, such as imap.example.com")
	}
	return f.checkTemplate()
}

// steers reports whether s has control characters, which separate the parts of a SASL response.
func steers(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// WantsUser reports whether f needs a user and has none.
func (f Form) WantsUser() bool {
	return f.User == "" && (f.Format == FormatXOAUTH2 || f.Format == FormatOAUTHBEARER || strings.Contains(f.Template, "{{user}}"))
}

// NoUser is the error of a form that wants a user, for an account whose identity is not known.
func NoUser(account string) *Error {
	return &Error{Code: BadRequest, Message: "the provider never said whose account " + account + " is", Hint: "give the user that the server knows, as in --user ada@example.com"}
}

// Text returns t in the form f, which has passed [Form.Check], without a final newline of its own. The error is
// [Unsupported], and quotes nothing.
func (f Form) Text(t Token) (string, error) {
	secret := t.AccessToken
	if f.IDToken {
		secret = t.IDToken
	}
	bearer := Printable(t.TokenType) + " " + secret
	if f.IDToken && t.TokenType == TypeDPoP {
		bearer = "Bearer " + secret // an ID token is bound to nothing
	}
	if sasl := f.Format == FormatXOAUTH2 || f.Format == FormatOAUTHBEARER; sasl && !f.IDToken && t.TokenType == TypeDPoP && f.Template == "" {
		return "", NeedsProof(t.Account)
	}
	if f.Template != "" {
		return f.fill(t), nil
	}
	switch f.Format {
	case FormatJSON:
		text, err := Marshal(t)
		return string(text), err
	case FormatHeader:
		return "Authorization: " + bearer, nil
	case FormatHeaders:
		text, err := json.Marshal(map[string]string{"Authorization": bearer})
		return string(text), err
	case FormatBearer:
		return bearer, nil
	case FormatEnv:
		return f.env(t)
	case FormatXOAUTH2:
		return base64.StdEncoding.EncodeToString([]byte("user=" + f.User + "\x01auth=" + bearer + "\x01\x01")), nil
	case FormatOAUTHBEARER:
		return base64.StdEncoding.EncodeToString([]byte(f.oauthbearer(bearer))), nil
	}
	return secret, nil
}

// oauthbearer is the initial client response of RFC 7628 §3.1, with the user as the authorization identity, in which "="
// and "," are written as RFC 5801 §4 says.
func (f Form) oauthbearer(bearer string) string {
	text := "n,a=" + strings.NewReplacer("=", "=3D", ",", "=2C").Replace(f.User) + ",\x01"
	if f.Host != "" {
		text += "host=" + f.Host + "\x01"
	}
	if f.Port != 0 {
		text += "port=" + strconv.FormatInt(f.Port, 10) + "\x01"
	}
	return text + "auth=" + bearer + "\x01\x01"
}

// env returns lines that a shell, docker's --env-file and systemd's EnvironmentFile all read. Shells would run what some
// characters say, and the others know no quotes, so a token with such characters is refused.
func (f Form) env(t Token) (string, error) {
	lines := []string{"ACCESS_TOKEN=" + t.AccessToken, "TOKEN_TYPE=" + t.TokenType}
	if f.IDToken {
		lines = append(lines, "ID_TOKEN="+t.IDToken)
	}
	if t.ExpiresAt != nil {
		lines = append(lines, "EXPIRES_AT="+t.ExpiresAt.UTC().Format(time.RFC3339))
	}
	for _, line := range lines {
		if strings.ContainsFunc(line, func(r rune) bool { return !plainInShell(r) }) {
			return "", &Error{Code: Unsupported, Message: "this token has characters that a shell would take for commands",
				Hint: "oauthd exec -e ACCESS_TOKEN=NAME -- CMD sets the variable without a shell"}
		}
	}
	return strings.Join(lines, "\n"), nil
}

// plainInShell reports whether r means itself in an assignment; these are the characters of RFC 6750 §2.1, and those of
// a name and a time.
func plainInShell(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~+/=:", r)
}
