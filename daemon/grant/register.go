package grant

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// Registration is a client registration request (RFC 7591 §3.1) of a native public client.
type Registration struct {
	Endpoint string
	// RedirectURIs are registered as they are; a loopback one without a port allows any port (RFC 8252 §7.3).
	RedirectURIs []string
	// Name is shown to the person on the consent page; "" means "oauthd".
	Name string
	// Scopes are what the client may ask for; nil lets the provider choose.
	Scopes []string
	// Device asks for the device grant too; set it if the provider has a device authorization endpoint.
	Device bool
	// DPoPBound asks for a client whose tokens are always bound to a key (RFC 9449 §5.2): some providers take no proofs of
	// another.
	DPoPBound bool
}

// Registered is a client information response (RFC 7591 §3.2.1).
type Registered struct {
	ClientID string
	// ClientSecret is unset for a public client. SecretExpiry is zero if it does not expire.
	ClientSecret account.Secret
	SecretExpiry time.Time
	// AuthMethod is the token_endpoint_auth_method that was registered, which the provider may have chosen.
	AuthMethod string
	// RegistrationAccessToken and RegistrationClientURI change or delete the registration (RFC 7592 §3); unset and "" if
	// the provider gives none.
	RegistrationAccessToken account.Secret
	RegistrationClientURI   string
	// DPoPBound is true if the client gets no token without a proof (RFC 9449 §5.2).
	DPoPBound bool
}

// clientMetadata is what is sent (RFC 7591 §2).
type clientMetadata struct {
	RedirectURIs    []string            `json:"redirect_uris"`
	AuthMethod      provider.AuthMethod `json:"token_endpoint_auth_method"`
	GrantTypes      []string            `json:"grant_types"`
	ResponseTypes   []string            `json:"response_types"`
	ApplicationType string              `json:"application_type"`
	ClientName      string              `json:"client_name"`
	Scope           string              `json:"scope,omitempty"`
	DPoPBound       bool                `json:"dpop_bound_access_tokens,omitempty"`
}

// Register registers a client at the provider. It is not idempotent: every successful call makes another client. Errors
// are *[ProviderError].
func (c *Client) Register(ctx context.Context, r Registration) (Registered, error) {
	const op = "client registration"
	m := clientMetadata{
		RedirectURIs: r.RedirectURIs, AuthMethod: provider.AuthNone,
		GrantTypes:    []string{"authorization_code", "refresh_token"},
		ResponseTypes: []string{"code"}, ApplicationType: "native", ClientName: r.Name, Scope: strings.Join(r.Scopes, " "),
		DPoPBound: r.DPoPBound,
	}
	if m.ClientName == "" {
		m.ClientName = "oauthd"
	}
	if r.Device {
		m.GrantTypes = append(m.GrantTypes, deviceGrantType)
	}
	body, err := json.Marshal(m)
	if err != nil || len(r.RedirectURIs) == 0 {
		return Registered{}, &ProviderError{
			Kind: Configuration, Op: op, Endpoint: place(r.Endpoint), Reason: "a client needs a redirect URI",
		}
	}
	a, fail := c.Send(ctx, Request{
		Op: op, Method: http.MethodPost, Endpoint: r.Endpoint, Header: wants("application/json"), Body: string(body),
	})
	if fail != nil {
		return Registered{}, fail
	}
	made, fail := a.registered()
	if fail != nil {
		return Registered{}, fail
	}
	return made, nil
}

// registered reads the answer to a client registration request.
func (a Answer) registered() (Registered, *ProviderError) {
	members, fail := a.Members()
	if fail != nil {
		return Registered{}, fail
	}
	made := Registered{
		ClientID:                members.Text("client_id"),
		ClientSecret:            account.NewSecret(members.Text("client_secret")),
		AuthMethod:              members.Text("token_endpoint_auth_method"),
		RegistrationAccessToken: account.NewSecret(members.Text("registration_access_token")),
		RegistrationClientURI:   members.Text("registration_client_uri"),
		DPoPBound:               string(members["dpop_bound_access_tokens"]) == "true",
	}
	if made.ClientID == "" || len(made.ClientID) > 2048 || strings.ContainsFunc(made.ClientID, notPrintable) {
		return Registered{}, a.Fail(Unknown, "the answer has no usable client_id")
	}
	if !members.IsText("client_secret") || !members.IsText("token_endpoint_auth_method") {
		return Registered{}, a.Fail(Unknown, "the answer's client_secret or token_endpoint_auth_method is not a string")
	}
	switch secret := !made.ClientSecret.IsZero(); provider.AuthMethod(made.AuthMethod) {
	case "":
		// RFC 7591 §2: the default is client_secret_basic, which a client without a secret cannot use.
		made.AuthMethod = string(provider.AuthNone)
		if secret {
			made.AuthMethod = string(provider.AuthBasic)
		}
	case provider.AuthNone:
		// Some servers make a secret for every client; this one must not send it.
		made.ClientSecret = account.Secret{}
	case provider.AuthBasic, provider.AuthPost:
		if !secret {
			return Registered{}, a.Fail(Configuration, "the registered auth method needs a client secret, and the provider sent none")
		}
	default:
		return Registered{}, a.Fail(Configuration, "the registered auth method is not one that oauthd speaks")
	}
	if !made.ClientSecret.IsZero() {
		made.SecretExpiry = members.Instant("client_secret_expires_at")
	}
	if provider.CheckURL(made.RegistrationClientURI) != nil {
		made.RegistrationClientURI, made.RegistrationAccessToken = "", account.Secret{}
	}
	return made, nil
}
