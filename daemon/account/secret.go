package account

import (
	"crypto/subtle"
	"fmt"
)

const redacted = "[redacted]"

// Secret is text that must never be shown: a refresh token, a client secret, a code, a verifier, an access token at
// rest. It prints as [redacted] with every fmt verb, in JSON, in text encodings and in zerolog. The zero Secret is
// unset and prints the same way. A Secret is immutable and safe for concurrent use.
type Secret struct {
	// A pointer, because fmt prints unexported fields of an enclosing struct without asking any method.
	text *string
}

// NewSecret wraps text; an empty text gives the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text. Call it only where the text goes to the provider, the store, or, for access and ID tokens,
// to the caller that asked.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether s is unset.
func (s Secret) IsZero() bool { return s.text == nil }

// Equal compares in constant time. It makes no copy, which would stay on the stack, where nothing wipes it.
func (s Secret) Equal(o Secret) bool {
	a, b := s.Reveal(), o.Reveal()
	if len(a) != len(b) {
		return false
	}
	var differing byte
	for i := range len(a) {
		differing |= a[i] ^ b[i]
	}
	return subtle.ConstantTimeByteEq(differing, 0) == 1
}

// Format implements [fmt.Formatter].
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String implements [fmt.Stringer].
func (s Secret) String() string { return redacted }

// MarshalText implements [encoding.TextMarshaler], which encoding/json and zerolog use too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
