// Package ipc is the server on the Unix socket, which is a named pipe on Windows. It speaks HTTP and one-line JSON on the same socket, identifies the
// caller once per connection, decodes strictly, and asks one [Backend].
//
// It promises that a connection that sends nothing, sends half a request, or does not read its answer delays nobody but
// itself; that requests hold a bounded amount of memory while they arrive, all of them together; that requests from
// another user, and requests that a web page could have caused, are refused; and that a caller sees no more of an error
// than its code, one sentence and a hint. It refuses to carry anything that ipc/api has no type for: no refresh token
// passes through here.
package ipc
