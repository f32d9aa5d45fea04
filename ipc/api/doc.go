// Package api is the non-secret vocabulary of oauthd: what crosses the socket, the paths it crosses on, and the one
// table from error code to HTTP status and exit status. Clients, the socket server and the daemon share it, so that
// what may be shown to a caller is shaped in exactly one place.
//
// It uses the standard library alone. No type here has a field for a refresh token, and none may get one.
package api
