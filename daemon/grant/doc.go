// Package grant turns a credential into tokens. It has one file per grant, and one hardened client ([Client.Send],
// [Answer]) below them all.
//
// A request is sent at most once: the auth method is pinned, nothing is probed, no redirect is followed and nothing is
// sent again. A new refresh token is returned even if the rest of the answer is unusable. No error repeats a secret,
// and of a provider's answer only its error code and description, as excerpts. The package remembers nothing but the
// keys that sign ID tokens and the nonces of DPoP, starts no goroutine and never retries: that is up to the caller, who
// goes by [ProviderError.Transient] and [ProviderError.Ambiguous]. Two standards make exceptions: [Client.PollDevice]
// repeats its request (RFC 8628 §3.5), and so does a token request that was refused for want of a nonce (RFC 9449 §8).
package grant
