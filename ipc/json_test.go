package ipc

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

func ptr[T any](v T) *T { return &v }

func TestTokenFields(t *testing.T) {
	if got, want := tokenFields(), fieldsOf[api.TokenRequest](); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDecodeTokenRequest(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		want       api.TokenRequest
		message    string // of the error; "" for none
	}{
		{"all", `{"account":"work","scope":"a b","audience":"u","resource":"r","min_ttl":60,"force":true,"id_token":false}`,
			api.TokenRequest{Account: "work", Scope: "a b", Audience: "u", Resource: "r", MinTTL: ptr(int64(60)), Force: true}, ""},
		{"a stronger login", `{"account":"work","interactive":true,"acr_values":"phr","max_age":0}`,
			api.TokenRequest{Account: "work", Interactive: true, ACRValues: "phr", MaxAge: ptr(int64(0))}, ""},
		{"spaces", " { \"account\" : \"work\" , \"min_ttl\" : 0 } ", api.TokenRequest{Account: "work", MinTTL: ptr(int64(0))}, ""},
		{"not ASCII", `{"account":"wörk"}`, api.TokenRequest{Account: "wörk"}, ""},
		{"long number", `{"min_ttl":12345678901}`, api.TokenRequest{MinTTL: ptr(int64(12345678901))}, ""},
		{"empty object", `{}`, api.TokenRequest{}, ""},
		{"unknown field", `{"acount":"work"}`, api.TokenRequest{}, `unknown field "acount"`},
		{"long unknown field", `{"` + strings.Repeat("s", 41) + `":1}`, api.TokenRequest{}, "the request has an unknown field"},
		{"other case", `{"Account":"work"}`, api.TokenRequest{}, `unknown field "Account"`},
		{"twice", `{"force":true,"force":false}`, api.TokenRequest{}, "force is given more than once"},
		{"twice by escape", `{"force":true,"forc\u0065":false}`, api.TokenRequest{}, "force is given more than once"},
		{"wrong string", `{"account":7}`, api.TokenRequest{}, "account must be a string"},
		{"wrong flag", `{"force":"sesame"}`, api.TokenRequest{}, "force must be true or false"},
		{"wrong number", `{"min_ttl":1.5}`, api.TokenRequest{}, "min_ttl must be an integer"},
		{"leading zero", `{"min_ttl":07}`, api.TokenRequest{}, "the request is not valid JSON"},
		{"trailing object", `{"account":"work"}{}`, api.TokenRequest{}, "there is more than one JSON object in the request"},
		{"trailing garbage", `{"account":"work"} x`, api.TokenRequest{}, "there is more than one JSON object in the request"},
		{"trailing comma", `{"account":"work",}`, api.TokenRequest{}, "the request is not valid JSON"},
		{"array", `["work"]`, api.TokenRequest{}, "the request is not a JSON object"},
		{"null", `null`, api.TokenRequest{}, "the request is not a JSON object"},
		{"empty", ``, api.TokenRequest{}, "the request is empty"},
		{"not UTF-8", "{\"account\":\"\xff\"}", api.TokenRequest{}, "the request is not UTF-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := decodeTokenRequest([]byte(tc.body))
			checkDecoded(t, got, err, tc.want, tc.message)
		})
	}
}

func TestQueryTokenRequest(t *testing.T) {
	for _, tc := range []struct {
		name, query string
		want        api.TokenRequest
		message     string
	}{
		{"all", "account=work&scope=a+b&audience=u&resource=https%3A%2F%2Fr&min_ttl=60&force=true&id_token=0",
			api.TokenRequest{Account: "work", Scope: "a b", Audience: "u", Resource: "https://r", MinTTL: ptr(int64(60)), Force: true}, ""},
		{"a stronger login", "account=work&interactive=1&acr_values=phr&max_age=0",
			api.TokenRequest{Account: "work", Interactive: true, ACRValues: "phr", MaxAge: ptr(int64(0))}, ""},
		{"unknown", "account=work&ttl=5", api.TokenRequest{}, `unknown field "ttl"`},
		{"twice", "account=work&account=gmail", api.TokenRequest{}, "account is given more than once"},
		{"wrong number", "account=work&min_ttl=soon", api.TokenRequest{}, "min_ttl must be an integer"},
		{"wrong flag", "account=work&force=sesame", api.TokenRequest{}, "force must be true or false"},
		{"empty flag", "account=work&force=", api.TokenRequest{}, "force must be true or false"},
		{"malformed", "account=%zz", api.TokenRequest{}, "the query is malformed"},
		{"semicolon", "account=work;force=true", api.TokenRequest{}, "the query is malformed"},
		{"not UTF-8", "account=%ff", api.TokenRequest{}, "account is not UTF-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := queryTokenRequest(tc.query)
			checkDecoded(t, got, err, tc.want, tc.message)
		})
	}
}

func checkDecoded(t *testing.T, got api.TokenRequest, err error, want api.TokenRequest, message string) {
	t.Helper()
	if message != "" {
		e := api.AsError(err)
		if e == nil || e.Code != api.BadRequest || e.Message != message {
			t.Errorf("got error %v, want bad_request %q", err, message)
		}
		return
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

func TestCheckTokenRequest(t *testing.T) {
	for name, tc := range map[string]struct {
		request api.TokenRequest
		ok      bool
	}{
		"good":         {api.TokenRequest{Account: "work", MinTTL: ptr(int64(0))}, true},
		"no account":   {api.TokenRequest{}, false},
		"bad account":  {api.TokenRequest{Account: "../work"}, false},
		"negative ttl": {api.TokenRequest{Account: "work", MinTTL: ptr(int64(-1))}, false},
		"eternal ttl":  {api.TokenRequest{Account: "work", MinTTL: ptr(int64(1 << 40))}, false},
	} {
		if err := checkTokenRequest(tc.request); (err == nil) != tc.ok {
			t.Errorf("%s: got %v, want ok %t", name, err, tc.ok)
		}
	}
}

func TestDecodeDefinition(t *testing.T) {
	got, err := decodeDefinition([]byte(`{"provider":"google","client_secret":"s","scopes":["a"],"auth_params":{"k":"v"},"timeout":30}`))
	if err != nil || got.Provider != "google" || got.ClientSecret != "s" || got.AuthParams["k"] != "v" || got.Timeout != 30 {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, tc := range map[string]struct{ body, message string }{
		"empty":   {" ", ""},
		"nothing": {"{}", ""},
		"secret":  {`{"client_secret":{"hunter2":1}}`, "client_secret must be a string"},
		"scopes":  {`{"scopes":"a b"}`, "scopes must be an array of strings"},
		"params":  {`{"auth_params":[1]}`, "auth_params must be an object of strings"},
		"unknown": {`{"refresh_token":"x"}`, `unknown field "refresh_token"`},
		"timeout": {`{"timeout":-1}`, "timeout must be a number of seconds from 0 to 86400"},
	} {
		_, err := decodeDefinition([]byte(tc.body))
		if e := api.AsError(err); (e == nil) != (tc.message == "") || e != nil && e.Message != tc.message {
			t.Errorf("%s: got %v, want %q", name, err, tc.message)
		}
	}
}

// The usual requests take the fast way.
func TestScanTokenRequest(t *testing.T) {
	for _, line := range []string{
		`{"account":"work"}`, ` { "account" : "work" , "min_ttl" : 999999999 } `, `{"account":"work","scope":"a b","force":true,"id_token":false}`,
		`{"resource":"https://r.example.com/","audience":"u","min_ttl":0}`, `{"account":"work","scope":"~","force": true}`,
		`{"account":"work","scope":"a","audience":"u","resource":"r","min_ttl":1,"force":false,"id_token":true}`,
	} {
		if _, ok := scanTokenRequest([]byte(line)); !ok {
			t.Errorf("%s: gave up, want it read", line)
		}
	}
	for _, line := range []string{`{"min_ttl":9999999999}`, `{"account":"w\u006frk"}`, `{"account":"work"} x`, `{"account":"work"`, `"account"`} {
		if _, ok := scanTokenRequest([]byte(line)); ok {
			t.Errorf("%s: read, want it left to the strict decoder", line)
		}
	}
}

// The fast scanner may give up, but where it answers, the strict decoder answers the same.
func FuzzScanTokenRequest(f *testing.F) {
	for _, s := range []string{
		`{"account":"work"}`, `{"account":"work","min_ttl":60,"force":true}`, `{"account":"a","account":"b"}`, `{"min_ttl":007}`,
		`{"min_ttl":-0}`, `{"force":truefalse}`, `{"force":null}`, "{\"scope\":\"\x00\"}", `{"scope":"a\nb"}`, `{}`, `{"account":"w"}}`,
		`"account":"work"}`, `{"account" "work"}`, `{account":"work"}`, `{"force":,"account":"work"}`, `{"min_ttl":,"account":"work"}`,
		"{\"scope\":\"\x1f\"}", `{"account":"work","scope":}`, `{"account":"work" "scope":"a"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fast, ok := scanTokenRequest(data)
		var strict api.TokenRequest
		err := decodeStrict(data, &strict, tokenFields())
		if ok && (err != nil || !reflect.DeepEqual(fast, strict)) {
			t.Errorf("scan: got %+v, want %+v, %v", fast, strict, err)
		}
		var loose api.TokenRequest
		if err == nil && (json.Unmarshal(data, &loose) != nil || !reflect.DeepEqual(strict, loose)) {
			t.Errorf("strict: got %+v, want %+v", strict, loose)
		}
	})
}

func FuzzQueryTokenRequest(f *testing.F) {
	f.Add("account=work&scope=a+b&min_ttl=5&force=1")
	f.Fuzz(func(t *testing.T, raw string) {
		if r, err := queryTokenRequest(raw); err != nil && api.AsError(err).Code != api.BadRequest {
			t.Errorf("got %+v, %v, want bad_request", r, err)
		}
	})
}
