package google

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
)

// adcTimeout bounds one [Client.ApplicationDefault], which may be several requests.
const adcTimeout = 40 * time.Second

// ErrNoDefaultCredentials is in the error of [Client.ApplicationDefault] if nothing was found.
var ErrNoDefaultCredentials = errors.New("there are no application default credentials here")

// The kinds of external_account credential source that are used only if [ADCRequest.Sources] names them.
const (
	// SourceExecutable runs a program that the credentials file names.
	SourceExecutable = "executable"
	// SourceURL asks URLs that the credentials file names and that do not belong to Google, including those of AWS.
	SourceURL = "url"
)

// KindMetadata is the kind of credentials that come from the metadata server of Compute Engine and its kin.
const KindMetadata = "metadata"

// ADCPlaces are where application default credentials are looked for, before the metadata server.
type ADCPlaces struct {
	// Env is the value of GOOGLE_APPLICATION_CREDENTIALS, a file; "" if it is not set.
	Env string
	// WellKnown is where gcloud writes application_default_credentials.json; "" means not to look there.
	WellKnown string
}

// ADCRequest asks for tokens by application default credentials.
type ADCRequest struct {
	// File is a credentials file; "" means to search Places, then to ask the metadata server.
	File   string
	Places ADCPlaces
	// Scopes are those of the access token. A person's credentials and the metadata server need none; a person's
	// credentials give what the person agreed to, whatever is asked.
	Scopes []string
	// Audience is whom the ID token is for; for a service account's key without IDToken, whom the access token is for; ""
	// for none.
	Audience string
	// IDToken asks for an ID token for Audience; with a person's credentials, for the one made for the client.
	IDToken bool
	// Subject is the person that a service account's key acts for by domain-wide delegation; "" for itself.
	Subject string
	// Sources are the external_account credential sources that may be used, [SourceExecutable] and [SourceURL]; nil for
	// plain files only. SourceURL also permits token and impersonation endpoints that are not Google's.
	Sources []string
}

// ADCResult is what was found and what it gave. Along with an error, Kind and Place are set as far as they are known.
type ADCResult struct {
	// Response never has a refresh token.
	Response grant.Response
	// Kind is the type of the credentials file, such as "authorized_user" or "external_account", or [KindMetadata].
	Kind string
	// Email is whom the tokens stand for, for people to read; "" if that is not known.
	Email string
	// Place is the credentials file's path, or "the metadata server".
	Place string
}

// ApplicationDefault gets tokens by Google's application default credentials. Files are read anew each time, and
// nothing is stored. It takes at most 40 s.
//
// Errors are *[grant.ProviderError] once a provider was asked, never of kind [grant.LoginRequired], because no login of
// oauthd can help. Others say what is wrong with the file or the request, or wrap [ErrNoDefaultCredentials].
func (c Client) ApplicationDefault(ctx context.Context, r ADCRequest) (ADCResult, error) {
	ctx, cancel := context.WithTimeout(ctx, adcTimeout)
	defer cancel()
	data, path, err := r.find()
	if err != nil {
		return ADCResult{Place: path}, err
	}
	if path == "" {
		return c.metadata(ctx, r)
	}
	result := ADCResult{Place: path}
	members, err := grant.ParseKeyFile(data)
	if err != nil {
		return result, fmt.Errorf("%s: the file %w", path, err)
	}
	result.Kind = kindOfFile(members)
	result.Response, result.Email, err = c.fromFile(ctx, members, r, 0)
	var asked *grant.ProviderError
	if err != nil && !errors.As(err, &asked) {
		err = fmt.Errorf("%s: %w", path, err)
	}
	result.Response.RefreshToken = account.Secret{}
	return result, err
}

// find reads the first file there is. path is "" if the metadata server is next.
func (r ADCRequest) find() (data []byte, path string, err error) {
	switch {
	case r.File != "":
		data, err = grant.ReadKeyFile(r.File)
		return data, r.File, err
	case r.Places.Env != "" && !filepath.IsAbs(r.Places.Env):
		return nil, r.Places.Env, errors.New("GOOGLE_APPLICATION_CREDENTIALS is not an absolute path, and the daemon works in a directory of its own")
	case r.Places.Env != "":
		if data, err = grant.ReadKeyFile(r.Places.Env); err != nil {
			err = fmt.Errorf("GOOGLE_APPLICATION_CREDENTIALS: %w", err)
		}
		return data, r.Places.Env, err
	case r.Places.WellKnown != "":
		data, err = grant.ReadKeyFile(r.Places.WellKnown)
		if errors.Is(err, os.ErrNotExist) {
			return nil, "", nil
		}
		return data, r.Places.WellKnown, err
	default:
		return nil, "", nil
	}
}

// kindOfFile returns the type of a credentials file, or "" if Google has no such type.
func kindOfFile(members grant.Members) string {
	kind := members.Text("type")
	if slices.Contains([]string{"authorized_user", "external_account", "external_account_authorized_user",
		"gdch_service_account", "impersonated_service_account", "service_account"}, kind) {
		return kind
	}
	return ""
}

// fromFile gets tokens with one credentials file, or with the source_credentials inside one, which are one deeper.
func (c Client) fromFile(
	ctx context.Context, members grant.Members, r ADCRequest, depth int,
) (resp grant.Response, email string, err error) {
	kind := kindOfFile(members)
	switch {
	case depth > 3:
		return grant.Response{}, "", errors.New("source_credentials are nested too deeply")
	case r.Subject != "" && kind != "service_account":
		return grant.Response{}, "", errors.New("only a service account's key can act for a subject")
	}
	switch kind {
	case "service_account":
		return c.adcServiceAccount(ctx, members, r)
	case "authorized_user", "external_account_authorized_user":
		return c.adcUser(ctx, members, r)
	case "impersonated_service_account":
		return c.adcImpersonated(ctx, members, r, depth)
	case "external_account":
		return c.adcExternal(ctx, members, r)
	case "gdch_service_account":
		return grant.Response{}, "", errors.New("credentials of type gdch_service_account are not supported")
	default:
		return grant.Response{}, "", fmt.Errorf("the file holds %s, not application default credentials", members.Describe())
	}
}

func (c Client) adcServiceAccount(
	ctx context.Context, members grant.Members, r ADCRequest,
) (grant.Response, string, error) {
	a, err := parseServiceAccount(members)
	if err != nil {
		return grant.Response{}, "", err
	}
	request := ServiceAccountRequest{
		Account: a, Scopes: r.Scopes, Subject: r.Subject, Audience: r.Audience, IDToken: r.IDToken,
	}
	if !TrustedTokenURI(a.TokenURI) {
		if err := r.permit(SourceURL, "token_uri is not Google's"); err != nil {
			return grant.Response{}, "", err
		}
		request.TokenEndpoint = a.TokenURI
	}
	resp, err := c.ServiceAccount(ctx, request)
	return resp, a.ClientEmail, err
}

// permit returns nil if the account's file allows a source; else the error says which line would allow it.
func (r ADCRequest) permit(source, why string) error {
	if slices.Contains(r.Sources, source) {
		return nil
	}
	all := append(slices.Clone(r.Sources), source)
	slices.Sort(all)
	return &NotPermittedError{Why: why, Line: fmt.Sprintf(`credential_sources = ["%s"]`, strings.Join(all, `", "`))}
}

// NotPermittedError is a credentials file that needs a source which the account's file does not allow.
type NotPermittedError struct {
	// Why says what the file does, as half a sentence about it.
	Why string
	// Line is what would allow that in the account's file.
	Line string
}

// Error implements error.
func (e *NotPermittedError) Error() string {
	return "the file's " + e.Why + "; if you trust whoever made it, add to the account's file: " + e.Line
}
