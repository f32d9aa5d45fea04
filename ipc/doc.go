// Package ipc is the server on the Unix socket. It speaks HTTP and one-line JSON on the same socket, names the caller
// once per connection, decodes strictly, and asks one [Backend].
//
// It promises that a connection that sends nothing, sends half a request, or does not read its answer delays nobody
// but itself; that requests of another user, and requests that a web page could have caused, are refused; and that
// what a caller sees of an error is its code, one sentence and a hint. It refuses to hold anything but what
// ipc/api shapes: no refresh token passes through here.
package ipc
