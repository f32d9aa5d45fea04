// Package grant turns what an account holds into tokens: one file per grant, over one hardened client of the token
// endpoint.
//
// It promises that a request is sent at most once: the auth method is pinned, nothing is probed, no redirect is
// followed, nothing is sent again. A new refresh token in an answer is handed up even when the rest of the answer is
// unusable. No error quotes a provider's body or a secret. It keeps nothing but the keys that sign ID tokens, starts no
// goroutine and never retries; that is the caller's part, which [ProviderError.Transient] and [ProviderError.Ambiguous]
// inform. Polling for a device code's answer, [Client.PollDevice], is the one request that is made again.
package grant
