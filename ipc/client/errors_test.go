package client_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

func sentinels() []error {
	return []error{
		client.ErrLoginRequired, client.ErrScopeNotGranted, client.ErrUnknownAccount, client.ErrLocked,
		client.ErrKeystoreLocked, client.ErrKeystoreUnavailable, client.ErrKeystoreFull, client.ErrNoDaemon,
		client.ErrProviderUnreachable, client.ErrProviderRejected, client.ErrTimeout, client.ErrBusy,
		client.ErrPolicyDenied, client.ErrForbidden, client.ErrUnsupported, client.ErrBadRequest, client.ErrConfigInvalid,
		client.ErrLoginDenied, client.ErrLoginTimeout, client.ErrLoginFailed, client.ErrLoginSuperseded,
		client.ErrSubjectMismatch, client.ErrUnknownLogin, client.ErrUnknownProvider, client.ErrPortUnavailable,
	}
}

// constants returns the values of the string constants in file whose declared type is typeName.
func constants(t *testing.T, file, typeName string) (values []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if named, ok := spec.Type.(*ast.Ident); ok && named.Name == typeName {
			for _, v := range spec.Values {
				value, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, value)
			}
		}
		return true
	})
	return values
}

// Every code a program can meet has its error, and each error matches its own code alone.
func TestErrors(t *testing.T) {
	nothingToBranchTo := []api.Code{api.Internal, api.TooLarge, api.AlreadyRunning, api.Ambiguous}
	codes := constants(t, "../api/errors.go", "Code")
	if len(codes) < 25 {
		t.Fatalf("got %d codes, want those of ipc/api", len(codes))
	}
	for _, code := range codes {
		met := fmt.Errorf("a program's words: %w", &api.Error{Code: api.Code(code), Message: "m", Hint: "h"})
		var matching []string
		for _, err := range sentinels() {
			if errors.Is(met, err) {
				matching = append(matching, err.Error())
			}
		}
		want := []string{code}
		if slices.Contains(nothingToBranchTo, api.Code(code)) {
			want = nil
		}
		if !slices.Equal(matching, want) {
			t.Errorf("%s: got the errors %q, want %q", code, matching, want)
		}
	}
	if got := len(sentinels()) + len(nothingToBranchTo); got != len(codes) {
		t.Errorf("got %d errors, want one for each of the %d codes", got, len(codes))
	}
}

func TestErrorsOverTheSocket(t *testing.T) {
	h := newHome(t)
	h.serve(h.socket(), backend{})
	c := h.client()
	_, err := c.Token(t.Context(), api.TokenRequest{Account: "dead"})
	var e *api.Error
	if !errors.Is(err, client.ErrLoginRequired) || errors.Is(err, client.ErrLocked) || !errors.As(err, &e) || e.Hint == "" {
		t.Errorf("token: got %v, want ErrLoginRequired and its hint", err)
	}
	if _, err := c.TokenSource(t.Context(), api.TokenRequest{Account: "dead"}).Token(); !errors.Is(err, client.ErrLoginRequired) {
		t.Errorf("source: got %v, want ErrLoginRequired", err)
	}
	if _, err := c.Account(t.Context(), "gone"); !errors.Is(err, client.ErrUnknownAccount) {
		t.Errorf("account: got %v, want ErrUnknownAccount", err)
	}
	if _, err := newHome(t).client().Token(t.Context(), work); !errors.Is(err, client.ErrNoDaemon) {
		t.Errorf("without a daemon: got %v, want ErrNoDaemon", err)
	}
	if strings.Contains(client.ErrLocked.Error(), " ") {
		t.Errorf("got %q, want the code alone", client.ErrLocked)
	}
}
