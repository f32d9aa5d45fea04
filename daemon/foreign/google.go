package foreign

import (
	"encoding/json"
	"fmt"
)

const (
	googleUniverse = "googleapis.com"
	// clientSecretPost is how Google's libraries authenticate a client.
	clientSecretPost = "client_secret_post"
)

// googleUser reads a person's credentials as google-auth's to_json and gcloud write them. Without token_uri they are
// Google's.
func googleUser(o *object, format string) Found {
	f := Found{
		Kind: KindCredential, Format: format, AuthMethod: clientSecretPost,
		TokenURI: o.text("token_uri"), ClientID: o.text("client_id"), ClientSecret: o.secret("client_secret"),
		RefreshToken: o.secret("refresh_token"), Scopes: o.scopes("scopes"), Email: o.text("account"),
	}
	if f.TokenURI == "" {
		f.Provider = "google"
		if universe := o.text("universe_domain"); universe != "" && universe != googleUniverse {
			f.TokenURI = fmt.Sprintf("https://oauth2.%s/token", universe)
		}
	}
	return f
}

// oauth2client reads a credential of Google's former library.
func oauth2client(o *object) Found {
	f := Found{
		Kind: KindCredential, Format: "a storage file of oauth2client", AuthMethod: clientSecretPost,
		TokenURI: o.text("token_uri"), ClientID: o.text("client_id"), ClientSecret: o.secret("client_secret"),
		RefreshToken: o.secret("refresh_token"), Scopes: o.scopes("scopes"),
	}
	if f.TokenURI == "" {
		f.Provider = "google"
	}
	var claims struct {
		Email string `json:"email"`
	}
	// Either the claims or, in old files, the ID token itself.
	if json.Unmarshal(o.members["id_token"], &claims) == nil {
		f.Email = claims.Email
	}
	var invalid bool
	o.into("invalid", &invalid, "true or false")
	class := o.text("_class")
	switch {
	case o.wrong != nil:
	case invalid:
		o.wrong = mistake("use oauthd login", "oauth2client has marked this credential as ended")
	case class == "ServiceAccountCredentials" || class == "SignedJwtAssertionCredentials":
		o.wrong = mistake("import the service account's JSON key itself",
			"the file is what oauth2client keeps of a service account; its key came from another file")
	}
	return f
}

// multistore reads oauth2client's store of several credentials, if it holds one.
func multistore(o *object) (Found, *Mistake) {
	var entries []struct {
		Credential json.RawMessage `json:"credential"`
	}
	o.into("data", &entries, "a list of credentials")
	switch {
	case o.wrong != nil:
		return Found{}, o.wrong
	case len(entries) == 0:
		return Found{}, mistake("let that tool log in again, or use oauthd login", "the oauth2client store is empty")
	}
	var all []Found
	var clients []string
	for _, entry := range entries {
		one, m := open(entry.Credential)
		if m != nil {
			return Found{}, mistake(anyHint, "the oauth2client store has an entry without a credential")
		}
		f := oauth2client(one)
		if one.wrong != nil {
			return Found{}, one.wrong
		}
		all, clients = append(all, f), append(clients, f.ClientID)
	}
	if len(all) > 1 {
		return Found{}, several("credentials, of these clients", clients, `save the "credential" of the one in a file of its own`)
	}
	f := all[0]
	f.Format = "a multistore file of oauth2client"
	f.Shared = "oauth2client keeps several credentials in such a file"
	return f, nil
}
