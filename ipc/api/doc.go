// Package api is the vocabulary of oauthd's socket: the requests and answers, their paths, and the one table from error
// code to HTTP status and exit status. Clients, the socket server and the daemon share it, so that there is exactly one
// place that says what a caller may see.
//
// It imports nothing but the standard library. No type here has a field for a refresh token, and none may get one.
package api
