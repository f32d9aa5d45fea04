// Package kubectl answers kubectl, and every other program that reads a kubeconfig, as an exec credential plugin
// (client.authentication.k8s.io/v1 and v1beta1): with an ID token or an access token, and when it ends.
package kubectl

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"oauthd/ipc/api"
)

const (
	group = "client.authentication.k8s.io/"
	kind  = "ExecCredential"
)

// Tokens is where tokens come from: [oauthd/ipc/client.Client] is one.
type Tokens interface {
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
}

// Request is what kubectl asks.
type Request struct {
	// Account is the account's name; "" for the one whose hosts allow the cluster's API server.
	Account string
	// Kind says which token the API server takes.
	Kind Kind
	// Info is the content of KUBERNETES_EXEC_INFO; "" if it is not set.
	Info string
}

// Kind is a kind of token.
type Kind int

// The kinds of token. By default it is an ID token if the scope openid was granted.
const (
	ByScope Kind = iota
	AccessToken
	IDToken
)

// credential is an ExecCredential, in both directions.
type credential struct {
	APIVersion string  `json:"apiVersion"`
	Kind       string  `json:"kind"`
	Spec       spec    `json:"spec"`
	Status     *status `json:"status,omitempty"`
}

// spec is what kubectl says about the request.
type spec struct {
	// Cluster is there if the kubeconfig has provideClusterInfo: true.
	Cluster *cluster `json:"cluster,omitempty"`
	// Interactive is true if a person is at kubectl's terminal.
	Interactive bool `json:"interactive"`
}

type cluster struct {
	Server string `json:"server"`
}

// status is the answer.
type status struct {
	Token               string     `json:"token"`
	ExpirationTimestamp *time.Time `json:"expirationTimestamp,omitempty"`
}

// Serve writes the credential. A person is asked to log in only if kubectl says that there is one; calls that wait for the
// same account share one login. If there is an error, nothing is written.
func Serve(ctx context.Context, r Request, out io.Writer, tokens Tokens) error {
	info, err := read(r.Info)
	if err != nil {
		return err
	}
	request := api.TokenRequest{Account: r.Account, Interactive: info.Spec.Interactive}
	if r.Account == "" {
		if info.Spec.Cluster == nil || info.Spec.Cluster.Server == "" {
			return &api.Error{Code: api.BadRequest, Message: "kubectl does not say which cluster it is for",
				Hint: "name an account in the kubeconfig, or set provideClusterInfo: true in it"}
		}
		request.URL = info.Spec.Cluster.Server
	}
	t, err := token(ctx, request, r.Kind, tokens)
	if err != nil {
		return err
	}
	if strings.ContainsAny(t.Token, "\r\n\x00") {
		return &api.Error{Code: api.Unsupported, Message: "the token has a line break, which no API server can take", Hint: "oauthd accounts"}
	}
	return json.NewEncoder(out).Encode(credential{APIVersion: info.APIVersion, Kind: kind, Spec: spec{Interactive: info.Spec.Interactive}, Status: &t})
}

// read reads what kubectl says. Versions before 1.20 say nothing.
func read(text string) (credential, error) {
	info := credential{APIVersion: group + "v1", Kind: kind}
	if text == "" {
		return info, nil
	}
	if err := json.Unmarshal([]byte(text), &info); err != nil || info.Kind != kind {
		return credential{}, &api.Error{Code: api.BadRequest, Message: "KUBERNETES_EXEC_INFO is no " + kind, Hint: "kubectl sets it; do not set it by hand"}
	}
	if version, ok := strings.CutPrefix(info.APIVersion, group); !ok || version != "v1" && version != "v1beta1" {
		return credential{}, &api.Error{Code: api.Unsupported, Message: "kubectl asks for " + api.Excerpt(info.APIVersion) + ", which oauthd does not know",
			Hint: "in the kubeconfig, set apiVersion: " + group + "v1"}
	}
	return info, nil
}

// token gets the token of that kind.
func token(ctx context.Context, r api.TokenRequest, k Kind, tokens Tokens) (status, error) {
	r.IDToken = k == IDToken
	t, err := tokens.Token(ctx, r)
	if err == nil && k == ByScope && slices.Contains(strings.Fields(t.Scope), "openid") {
		r.IDToken = true
		t, err = tokens.Token(ctx, r)
	}
	switch {
	case err != nil:
		return status{}, err
	case r.IDToken && t.IDToken == "":
		return status{}, &api.Error{Code: api.Unsupported, Message: "the provider of " + t.Account + " gave no ID token", Hint: "oauthd login " + t.Account + " --scope openid"}
	case r.IDToken:
		return status{t.IDToken, t.IDTokenExpiresAt}, nil
	}
	return status{t.AccessToken, t.ExpiresAt}, nil
}
