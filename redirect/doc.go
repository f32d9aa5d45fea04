// Package redirect is the loopback redirect server of a native app (RFC 8252 §7.3): a redirect URI goes out, one
// authorization response (RFC 6749 §4.1.2) comes in, and the person sees a page that tells how the login ended.
//
// It listens on loopback addresses only, and before [Listen] returns. Whatever does not prove itself by the state of
// this login, a request of another user, to another path or Host, with another state, is answered 404 and changes
// nothing: the login goes on waiting. The first response that carries the state decides. Its code leaves the address
// bar by a 303 to a result page, which is shown only once the caller has told the outcome to [Server.Finish]. Pages
// have neither scripts nor cookies nor external parts, and nothing of a request is ever echoed.
//
// The response comes by GET, by POST where form_post is the response mode, over http or over https with a certificate
// made for this login; or, where the browser cannot reach the server, by hand through [Server.Deliver]. All ways lead
// through the same checks, and the first response decides.
//
// The package knows nothing of tokens: exchanging the code is its caller's work.
package redirect
