package google

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google/externalaccount"

	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// adcExternal exchanges another issuer's token at Google's security token service (RFC 8693), and if the file names a
// service account, uses the result to get tokens for that. golang.org/x/oauth2/google/externalaccount reads the other
// issuer's token and exchanges it. What it is given has been checked, and its requests go through a [witness].
func (c Client) adcExternal(
	ctx context.Context, members grant.Members, r ADCRequest,
) (grant.Response, string, error) {
	imp, err := parseImpersonation(members, r)
	if err != nil {
		return grant.Response{}, "", err
	}
	scopes := r.Scopes
	switch {
	case imp.url != "":
		err, scopes = r.checkGenerated(), []string{cloudPlatform}
	case r.Audience != "" || r.IDToken:
		err = errors.New("external_account credentials give no ID token, and no token for an audience, " +
			"without a service_account_impersonation_url")
	case len(r.Scopes) == 0:
		err = ErrNoScopes
	}
	if err != nil {
		return grant.Response{}, "", err
	}
	w := &witness{grants: c.Grants, op: "token exchange request"}
	source, err := c.externalSource(w.context(ctx), members, r, scopes)
	if err != nil {
		return grant.Response{}, "", err
	}
	if _, err := source.Token(); err != nil {
		return grant.Response{}, "", externalProblem(ctx, w, err)
	}
	// The library drops what the answer says about scopes, and counts the lifetime by another clock.
	resp, fail := w.last.Token(grant.Dialect{})
	if fail != nil {
		return grant.Response{}, "", notLogin(fail)
	}
	if imp.url == "" {
		return resp, "", nil
	}
	resp, err = c.impersonate(ctx, imp, resp.Token.Access, r)
	return resp, imp.email(), err
}

// externalProblem returns a failure of the library as it may be shown: the provider's refusal or our own words. The
// library's own words may quote the source, so they are left out.
func externalProblem(ctx context.Context, w *witness, err error) error {
	var ours *sourceError
	switch {
	case errors.As(err, &ours):
		return ours
	case w.problem() != nil:
		return notLogin(w.problem())
	case ctx.Err() != nil:
		return fmt.Errorf("credential_source: %w", ctx.Err())
	default:
		return errors.New("the file's credential_source gives no token, or not in the format it says")
	}
}

// externalSource checks all that the file says and returns what will do the exchange.
func (c Client) externalSource(
	ctx context.Context, members grant.Members, r ADCRequest, scopes []string,
) (oauth2.TokenSource, error) {
	fields, err := members.Texts("audience", "subject_token_type", "token_url", "client_id", "client_secret",
		"workforce_pool_user_project")
	if err != nil {
		return nil, fmt.Errorf("the file's %w", err)
	}
	for _, needed := range []string{"audience", "subject_token_type", "token_url"} {
		if fields[needed] == "" {
			return nil, fmt.Errorf("the file has no %s", needed)
		}
	}
	if err := provider.CheckURL(fields["token_url"]); err != nil {
		return nil, fmt.Errorf("the file's token_url: %w", err)
	}
	if !trustedService("sts")(fields["token_url"]) {
		if err := r.permit(SourceURL, "token_url is not Google's"); err != nil {
			return nil, err
		}
	}
	from, err := parseCredentialSource(members["credential_source"], r)
	if err != nil {
		return nil, err
	}
	// The library does not get to read the file, because it accepts other spellings of the names. Impersonation is done by
	// this package, so that its answers are read by the same rules as all others.
	config := externalaccount.Config{
		Audience: fields["audience"], SubjectTokenType: fields["subject_token_type"], TokenURL: fields["token_url"],
		ClientID: fields["client_id"], ClientSecret: fields["client_secret"], Scopes: scopes,
		WorkforcePoolUserProject: fields["workforce_pool_user_project"],
	}
	if from.Executable == nil {
		config.CredentialSource = &from
	} else {
		config.SubjectTokenSupplier = &executableSource{
			command: from.Executable.Command, outputFile: from.Executable.OutputFile, timeoutMillis: from.Executable.TimeoutMillis,
			impersonated: members.Text("service_account_impersonation_url"), now: c.Grants.Clock,
		}
	}
	source, err := externalaccount.NewTokenSource(ctx, config)
	if err != nil { // its text may quote the file
		return nil, errors.New("these external_account credentials cannot be used: a field is missing, or contradicts another")
	}
	return source, nil
}

// parseCredentialSource reads where the other issuer's token comes from, and checks that this is permitted.
func parseCredentialSource(raw json.RawMessage, r ADCRequest) (externalaccount.CredentialSource, error) {
	var from externalaccount.CredentialSource
	if grant.ParseMembers(raw) == nil || json.Unmarshal(raw, &from) != nil {
		return from, errors.New("the file's credential_source is missing, or not as it should be")
	}
	kinds := 0
	for _, is := range []bool{from.File != "", from.Executable != nil, from.EnvironmentID != "" || from.URL != ""} {
		if is {
			kinds++
		}
	}
	switch {
	case kinds == 0:
		return from, errors.New("the file's credential_source names no file, url, executable or environment_id")
	case kinds > 1:
		return from, errors.New("the file's credential_source names more than one source")
	case from.File != "":
		if !filepath.IsAbs(from.File) {
			return from, errors.New("the file's credential_source.file is not an absolute path")
		}
		// The library opens it next, and would wait for a pipe.
		if _, err := grant.ReadKeyFile(from.File); err != nil {
			return from, fmt.Errorf("the file's credential_source: %w", api.Foreign(err))
		}
		return from, nil
	case from.Executable != nil:
		return from, r.permit(SourceExecutable, "credential_source runs a program")
	}
	for name, at := range map[string]string{
		"url": from.URL, "region_url": from.RegionURL, "imdsv2_session_token_url": from.IMDSv2SessionTokenURL,
	} {
		if at != "" && !sourceURLFits(at) {
			return from, fmt.Errorf("the file's credential_source.%s is not an https URL, or of a metadata server", name)
		}
	}
	return from, r.permit(SourceURL, "credential_source asks a URL")
}
