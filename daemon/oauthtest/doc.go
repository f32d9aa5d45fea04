// Package oauthtest is a strict OAuth 2.0 authorization server and OpenID provider in one [http.Handler], for tests
// and for `oauthd demo`. It keeps everything in memory and logs one configured person in.
//
// It promises to refuse what the standards let a server refuse: PKCE with S256 is required (RFC 7636), redirect URIs
// are compared exactly but for a loopback port (RFC 8252 §7.3), iss is in every authorization response (RFC 9207), a
// code is single use, refresh tokens rotate and reuse of a spent one ends the grant (RFC 9700 §4.14), and every client
// authenticates in exactly its own way. A [Config] also offers the device grant (RFC 8628), pushed authorization
// requests (RFC 9126) and client registration (RFC 7591); form_post and resource indicators (RFC 8707) are always there.
// There are machine grants too: client_credentials (RFC 6749 §4.4), client assertions (RFC 7523 §2.2) and the JWT bearer
// grant as Google has it for service accounts. If providers leave the standards, [Config] and faults such as
// [GitHubErrors] and [CommaScopes] play it. What a test wants to go wrong it scripts, see [Server.Script] and [Fault].
//
// It is no server to protect anything with: there is no password, no storage and no rate limit.
package oauthtest
