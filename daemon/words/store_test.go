package words

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"oauthd/daemon/vault"
	"oauthd/ipc/api"
	"oauthd/keystore"
)

func TestRecordThatCannotBeUsed(t *testing.T) {
	for _, tt := range []struct {
		name          string
		err           error
		message, hint string // what they contain
	}{
		{"damaged", fmt.Errorf("%w: %w", vault.ErrUnreadable, keystore.ErrDamaged), "is damaged", "replaces it"},
		{"another account's", vault.ErrMisplaced, "belongs to another account", "back in its place"},
		{"older", vault.ErrOutdated, "older than the one saved last", "oauthd stop"},
	} {
		for backend, store := range map[string]string{"file": "file store", "keychain": "keychain"} {
			p := Store{Backend: backend}.Problem(fmt.Errorf("vault: read %q: %w", "work", tt.err))
			if p.Code != api.Internal || !strings.Contains(p.Message, store) || !strings.Contains(p.Message, tt.message) ||
				!strings.Contains(p.Message, "damaged") || !strings.Contains(p.Hint, tt.hint) || !errors.Is(p, tt.err) {
				t.Errorf("%s, %s: got %s: %q, hint %q", tt.name, backend, p.Code, p.Message, p.Hint)
			}
		}
	}
}
