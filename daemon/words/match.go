package words

import (
	"strings"

	"oauthd/ipc/api"
)

// BadPlace words a URL that no token can be used at.
func BadPlace(url string, err error) *api.Error {
	return &api.Error{Code: api.BadRequest, Message: api.Excerpt(url) + " is no place for a token: " + err.Error(),
		Hint: "give a URL such as https://git.example.com/"}
}

// NoMatch words a URL that no account answers for.
func NoMatch(url string) *api.Error {
	return &api.Error{Code: api.UnknownAccount, Message: "no account answers for " + api.Excerpt(url),
		Hint: "an account's file says where its tokens may be used: hosts = [\"git.example.com\"]"}
}

// SeveralMatch words a URL that several accounts answer for equally well.
func SeveralMatch(url string, accounts []string) *api.Error {
	return &api.Error{Code: api.Ambiguous, Message: strings.Join(accounts, " and ") + " answer for " + api.Excerpt(url) + " equally well",
		Hint: "put a user name into the URL (the account's, or the person's), or a longer path into the hosts of one"}
}

// NotAllowedAt words a URL that the hosts of an account do not allow; other is the account that is used there, "" for none.
func NotAllowedAt(name, url, other string) *api.Error {
	message := "the hosts of " + name + " do not allow " + api.Excerpt(url)
	if other != "" {
		message += ", where " + other + " is used"
	}
	place := strings.TrimSuffix(strings.TrimPrefix(url, "https://"), "/")
	return &api.Error{
		Code: api.PolicyDenied, Message: message,
		Hint: "add it to the account's file, which oauthd account show " + name + " names: hosts = [\"" + api.Excerpt(place) + "\"]",
	}
}
