package words

import (
	"fmt"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// SocketPath words a path at which no restricted socket can be.
func SocketPath(path string) *api.Error {
	return &api.Error{Code: api.BadRequest, Message: api.Excerpt(path) + " is no absolute path", Hint: "give the socket's whole path, in a directory of yours"}
}

// SocketTaken words a path at which a restricted socket is served already.
func SocketTaken(path string) *api.Error {
	return &api.Error{Code: api.BadRequest, Message: "a restricted socket is served at " + api.Excerpt(path) + " already",
		Hint: "oauthd socket rm " + api.Excerpt(path) + " ends it"}
}

// SocketNotOpened words a restricted socket that cannot be made.
func SocketNotOpened(path string, err error) *api.Error {
	return (&api.Error{Code: api.BadRequest, Message: "there can be no socket at " + api.Excerpt(path) + ": " + api.Excerpt(err.Error()),
		Hint: "choose a path in a directory that belongs to you and that nobody else can write to"}).Because(err)
}

// NoSocket words a path at which no restricted socket is served.
func NoSocket(path string) *api.Error {
	return &api.Error{Code: api.BadRequest, Message: "no restricted socket is served at " + api.Excerpt(path), Hint: "oauthd socket list shows them"}
}

// SocketSpent words a restricted socket that has handed out its tokens.
func SocketSpent(path string, most int) *api.Error {
	return &api.Error{Code: api.PolicyDenied, Message: fmt.Sprintf("the socket %s has handed out all that it may (--max %d)", api.Excerpt(path), most),
		Hint: "create it again with a larger --max"}
}

// SocketExe words a program that a restricted socket does not serve.
func SocketExe(s account.Socket, caller api.Evidence) *api.Error {
	return &api.Error{Code: api.PolicyDenied, Message: CallerName(caller) + " is not the program that this socket is for",
		Hint: "oauthd socket list shows which one is"}
}

// Stopping words a request that comes while the daemon stops.
func Stopping() *api.Error {
	return &api.Error{Code: api.Busy, Message: "the daemon is stopping", Hint: "try again"}
}

// KeptSocketEnds words a kept socket with an end.
func KeptSocketEnds() *api.Error {
	return &api.Error{Code: api.BadRequest, Message: "a socket that is kept has no end of its own", Hint: "leave out --ttl and --max, or --keep"}
}

// BadSocket words limits of a restricted socket that cannot be.
func BadSocket(what string) *api.Error {
	return &api.Error{Code: api.BadRequest, Message: what, Hint: "oauthd socket create --help shows what can be limited"}
}
