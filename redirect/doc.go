// Package redirect is the loopback redirect server of a native app (RFC 8252 §7.3): a redirect URI goes out, one
// authorization response (RFC 6749 §4.1.2) comes in, and the person sees a page that says how the login ended.
//
// It listens on loopback addresses only, and before [Listen] returns. A request with another state, to another path or
// host, from another user, or sent by a web page instead of a browser tab, gets a 404 and changes nothing: the login
// goes on waiting, and a [Notice] says so if the state was right. The first response that passes decides, and if it
// cannot be used, it ends the login with an error that says why. A 303 to a result page removes the code from the
// address bar; the page appears once the caller has passed the outcome to [Server.Finish]. Pages have no scripts,
// cookies or external parts, and nothing of a request is ever echoed.
//
// The response comes by GET, or by POST if the response mode is form_post; over http, or over https with a certificate
// made for this login. If the browser cannot reach the server, a person can paste it: see [Server.Deliver]. Every way
// leads through the same checks.
//
// The package knows nothing about tokens: exchanging the code is its caller's job.
package redirect
