// Package token keeps access tokens at hand and decides when a new one is due: the cache, the single flight per
// credential, the back-off, and the refresh ahead of expiry.
//
// It promises that N callers at an expired token cause one [Minter.Mint], that the flights of one account run one after
// another, that a caller who goes away cancels nothing, and that a slow account never delays another. It schedules and
// does nothing else: how a token is minted, and what is kept of it, is the Minter's business.
package token
