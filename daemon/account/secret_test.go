package account

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

const text = "sentinel-text-of-a-secret"

// holder has the secret where fmt cannot call its methods: in an unexported field.
type holder struct{ inner Secret }

func TestSecretNeverPrints(t *testing.T) {
	s := NewSecret(text)
	cred := Credential{RefreshToken: s, ClientSecret: s, AccessToken: s}
	var out bytes.Buffer
	for _, value := range []any{s, &s, cred, &cred, holder{s}, &holder{s}, []Secret{s}, map[string]Secret{"k": s}, Token{Access: s, IDToken: s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
			fmt.Fprintf(&out, verb, value)
		}
		b, err := json.Marshal(value)
		if err != nil {
			t.Fatalf("marshal %T: %v", value, err)
		}
		out.Write(b)
		zl := zerolog.New(&out)
		zl.Info().Interface("value", value).Any("any", value).Stringer("s", s).Msg(fmt.Sprint(value))
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", value)
	}
	got := out.String()
	for _, form := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), strings.Trim(fmt.Sprint([]byte(text)), "[]")} {
		if strings.Contains(got, form) {
			t.Errorf("the secret was printed in one of its forms (%d bytes of output)", len(got))
		}
	}
	if !strings.Contains(got, redacted) {
		t.Errorf("output lacks %q", redacted)
	}
}

func TestSecret(t *testing.T) {
	if !NewSecret("").IsZero() || NewSecret("x").IsZero() {
		t.Error("IsZero must be true for the empty text alone")
	}
	if NewSecret(text).Reveal() != text {
		t.Error("Reveal does not give the text back")
	}
	if !NewSecret("ab").Equal(NewSecret("ab")) || NewSecret("ab").Equal(NewSecret("bb")) || NewSecret("ab").Equal(NewSecret("aa")) || NewSecret("a").Equal(NewSecret("ab")) || NewSecret("ab").Equal(NewSecret("a")) || !(Secret{}).Equal(NewSecret("")) {
		t.Error("Equal compares wrongly")
	}
}
