package oidcagent

// refused is what oauthd says to some of oidc-agent's requests.
type refused struct {
	requests      []string
	message, hint string
}

// refusals are the requests of oidc-agent's own programs that it does not answer.
func refusals() []refused {
	return []refused{
		{
			[]string{"gen", "register", "code_exchange", "state_lookup", "device", "reauthenticate", "scopes", "term_http_server", "delete_client"},
			"oauthd answers here in oidc-agent's place, and accounts are not made by oidc-gen",
			"oauthd login NAME --issuer URL makes one; oauthd login NAME logs in again",
		},
		{
			[]string{"add"},
			"oauthd answers here in oidc-agent's place, and needs no account to be loaded",
			"oidc-gen -p NAME | oauthd import - takes an account over; oauthd login NAME makes a new one",
		},
		{
			[]string{"remove", "remove_all", "delete"},
			"oauthd answers here in oidc-agent's place, and unloads no account",
			"oauthd logout NAME ends a login, oauthd account remove NAME the account too, and oauthd lock locks them all",
		},
		{[]string{"lock"}, "oauthd answers here in oidc-agent's place, and is locked by its own command", "oauthd lock"},
		{[]string{"unlock"}, "oauthd answers here in oidc-agent's place, and is unlocked by its own command", "oauthd unlock"},
		{
			[]string{"mytoken", "mytoken_supported_providers"},
			"oauthd answers here in oidc-agent's place, and has no mytokens",
			"oauthd file NAME PATH keeps a fresh access token in a file, for jobs that run on",
		},
		{
			[]string{"status", "status_json"},
			"oauthd answers here in oidc-agent's place, and shows its state by its own command",
			"oauthd status",
		},
		{
			[]string{"file_write", "file_read", "file_remove"},
			"oauthd answers here in oidc-agent's place, and keeps no files for other programs",
			"oauthd import - takes over what oidc-gen -p NAME prints",
		},
	}
}
