package oauthtest

import (
	"net/http"
	"reflect"
	"testing"
)

const (
	resourceA = "https://a.example.com/"
	resourceB = "https://b.example.com/v1"
)

func TestResources(t *testing.T) {
	r := startPipe(t, testConfig())
	q := parameters()
	q["resource"] = []string{resourceA, resourceB}
	both := post(t, r, "/token", exchangeForm(authorize(t, r, q).Get("code")))
	if want := []any{resourceA, resourceB}; !reflect.DeepEqual(both.fields["audience"], want) {
		t.Errorf("audience: got %v, want %v", both.fields["audience"], want)
	}
	one := post(t, r, "/token", refreshForm(both.text("refresh_token"), "resource", resourceB))
	if want := []any{resourceB}; !reflect.DeepEqual(one.fields["audience"], want) {
		t.Errorf("audience of one: got %v, want %v", one.fields["audience"], want)
	}
	hello := get(t, r, r.Issuer()+"/api/hello", "Authorization", "Bearer "+one.text("access_token"))
	if want := []any{resourceB}; hello.status != http.StatusOK || !reflect.DeepEqual(hello.fields["audience"], want) {
		t.Errorf("the resource sees %v, want %v", hello.fields["audience"], want)
	}
	wantError(t, post(t, r, "/token", refreshForm(one.text("refresh_token"), "resource", "https://c.example.com/")), 400, "invalid_target")
	again := post(t, r, "/token", refreshForm(one.text("refresh_token")))
	if want := []any{resourceA, resourceB}; !reflect.DeepEqual(again.fields["audience"], want) {
		t.Errorf("audience of the next refresh: got %v, want %v", again.fields["audience"], want)
	}
	if got, want := r.Resources(Authorize), [][]string{{resourceA, resourceB}}; !reflect.DeepEqual(got, want) {
		t.Errorf("Resources(Authorize): got %v, want %v", got, want)
	}
	want := [][]string{nil, {resourceB}, {"https://c.example.com/"}, nil}
	if got := r.Resources(Token); !reflect.DeepEqual(got, want) {
		t.Errorf("Resources(Token): got %v, want %v", got, want)
	}
}

func TestResourceForm(t *testing.T) {
	for text, want := range map[string]bool{
		resourceA: true, "https://a.example.com/?x=1": true, "urn:example:api": true, "": false, "/api": false,
		"https://a.example.com/#f": false, "https://a.example.com/#": false, "https://": false, "a.example.com": false, ":": false,
	} {
		if got := wellFormedResources([]string{text}); got != want {
			t.Errorf("%q: got %t, want %t", text, got, want)
		}
	}
	r := startPipe(t, testConfig())
	if got := authorize(t, r, parameters("resource", "/api")); got.Get("error") != "invalid_target" {
		t.Errorf("authorize: got error %q, want invalid_target", got.Get("error"))
	}
	wantError(t, post(t, r, "/token", exchangeForm("x", "resource", "/api")), 400, "invalid_target")
	free := login(t, r)
	if free.fields["audience"] != nil {
		t.Errorf("audience without a resource: got %v, want none", free.fields["audience"])
	}
	if a := post(t, r, "/token", refreshForm(free.text("refresh_token"), "resource", resourceA)); a.status != http.StatusOK {
		t.Errorf("a resource in the refresh alone: got %d %q, want 200", a.status, a.text("error"))
	}
}
