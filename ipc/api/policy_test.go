package api

import (
	"encoding/json"
	"reflect"
	"testing"
)

// An empty list allows nothing, and none limits nothing: on the wire they are not the same either.
func TestAnEmptyLimitIsNoMissingOne(t *testing.T) {
	for _, want := range []any{
		SocketRequest{Scopes: []string{}, Audiences: []string{}}, SocketRequest{},
		Socket{Scopes: []string{}, Audiences: []string{}}, Socket{},
		PolicyAnswer{Scopes: []string{}, Audiences: []string{}}, PolicyAnswer{},
		Question{Scopes: []string{}}, Question{},
		Consent{Scopes: []string{}}, Consent{},
	} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got := reflect.New(reflect.TypeOf(want))
		if err := json.Unmarshal(text, got.Interface()); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Elem().Interface(), want) {
			t.Errorf("got %+v, want %+v", got.Elem(), want)
		}
	}
}

func TestScopesText(t *testing.T) {
	for _, tt := range []struct {
		scopes []string
		want   string
	}{{nil, "all"}, {[]string{}, "no scope"}, {[]string{"openid", "email"}, "openid email"}} {
		if got := ScopesText(tt.scopes, "all"); got != tt.want {
			t.Errorf("%#v: got %q, want %q", tt.scopes, got, tt.want)
		}
	}
}
