package provider

import (
	"net/http"
	"strings"
)

// challenge is what a server says of the token that it wants.
type challenge struct {
	// parameters are by name in lower case; nil if there is no challenge.
	parameters map[string]string
	// bound is true if no bearer token is taken.
	bound bool
}

// tokenChallenge returns the first Bearer challenge in WWW-Authenticate (RFC 6750 §3, RFC 9110 §11.6.1), or else the first DPoP
// challenge (RFC 9449 §7.1). A challenge that cannot be read ends where that is so.
func tokenChallenge(h http.Header) challenge {
	if parameters := challengeOf(h, "Bearer"); parameters != nil {
		return challenge{parameters: parameters}
	}
	parameters := challengeOf(h, "DPoP")
	return challenge{parameters, parameters != nil}
}

// challengeOf returns the parameters of the first challenge of that scheme; nil if there is none.
func challengeOf(h http.Header, wanted string) map[string]string {
	for _, value := range h.Values("WWW-Authenticate") {
		rest := value
		for rest != "" {
			scheme, after := headerToken(rest)
			after = strings.TrimLeft(after, " \t")
			parameters, next := challengeParameters(after)
			if strings.EqualFold(scheme, wanted) {
				return parameters
			}
			if next == rest {
				break
			}
			rest = next
		}
	}
	return nil
}

// challengeParameters reads name=value, separated by commas, up to the next challenge.
func challengeParameters(text string) (parameters map[string]string, rest string) {
	parameters = map[string]string{}
	for {
		text = strings.TrimLeft(text, " \t,")
		name, after := headerToken(text)
		after = strings.TrimLeft(after, " \t")
		value, ok := strings.CutPrefix(after, "=")
		if name == "" || !ok {
			return parameters, text // the next scheme, or the end
		}
		value = strings.TrimLeft(value, " \t")
		var read string
		if strings.HasPrefix(value, `"`) {
			if read, text, ok = quotedString(value); !ok {
				return parameters, ""
			}
		} else {
			read, text = headerToken(value)
			text = strings.TrimLeft(text, "=") // of token68
		}
		if name = strings.ToLower(name); parameters[name] == "" {
			parameters[name] = read
		}
	}
}

// headerToken cuts a token off (RFC 9110 §5.6.2).
func headerToken(text string) (first, rest string) {
	i := strings.IndexFunc(text, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
	if i < 0 {
		return text, ""
	}
	return text[:i], text[i:]
}

// quotedString cuts a quoted string off (RFC 9110 §5.6.4).
func quotedString(text string) (value, rest string, ok bool) {
	var out strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return out.String(), text[i+1:], true
		case '\\':
			if i++; i < len(text) {
				out.WriteByte(text[i])
			}
		default:
			out.WriteByte(text[i])
		}
	}
	return "", "", false
}
