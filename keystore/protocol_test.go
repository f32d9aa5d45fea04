package keystore

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"
)

// After an upgrade the daemon that still runs talks to a child of the new version: what is on the pipe stays the same.
func TestPipe(t *testing.T) {
	for _, tt := range []struct {
		req  request
		want string
	}{
		{request{Op: opGet, Service: "oauthd", Name: "work", Timeout: 3 * time.Second},
			`{"op":"get","service":"oauthd","name":"work","timeout":3000000000}`},
		{request{Op: opPut, Service: "oauthd", Name: "work", Value: []byte{0, 255}, Timeout: time.Second},
			`{"op":"put","service":"oauthd","name":"work","value":"AP8=","timeout":1000000000}`},
		{request{Op: opDelete, Service: "oauthd", Name: "work", Timeout: time.Second},
			`{"op":"delete","service":"oauthd","name":"work","timeout":1000000000}`},
	} {
		if got, err := json.Marshal(tt.req); err != nil || string(got) != tt.want {
			t.Errorf("%s: got %s, %v, want %s", tt.req.Op, got, err, tt.want)
		}
	}
	if got, err := json.Marshal(answerOf([]byte("x"), nil)); err != nil || string(got) != `{"value":"eA=="}` {
		t.Errorf("a value: got %s, %v", got, err)
	}
	for name, sentinel := range map[string]error{
		"damaged": ErrDamaged, "full": ErrFull, "locked": ErrLocked, "not_found": ErrNotFound, "no_bus": ErrNoBus,
		"no_service": ErrNoService, "no_answer": ErrNoAnswer, "dismissed": ErrDismissed, "unavailable": ErrUnavailable,
	} {
		text, err := json.Marshal(answerOf([]byte("planted"), fmt.Errorf("%w: why", sentinel)))
		if want := fmt.Sprintf(`{"error":"%v: why","kind":%q}`, sentinel, name); err != nil || string(text) != want {
			t.Errorf("%s: got %s, %v, want %s", name, text, err, want)
		}
		var a answer
		if err := json.Unmarshal(text, &a); err != nil || !errors.Is(a.err(), sentinel) || a.err().Error() != sentinel.Error()+": why" {
			t.Errorf("%s: got %v back, want it as it was", name, a.err())
		}
	}
	if text, err := json.Marshal(answerOf(nil, errors.New("odd"))); err != nil || string(text) != `{"error":"odd"}` {
		t.Errorf("an error without a sentinel: got %s, %v", text, err)
	}
}
