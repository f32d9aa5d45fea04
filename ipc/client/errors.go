package client

import "oauthd/ipc/api"

// The errors that a program may branch on, one for each of the daemon's codes:
//
//	if errors.Is(err, client.ErrLoginRequired) { … }
//
// What matches them is an *api.Error, which has the sentence and the hint for the person, and when another try makes
// sense; it is had by errors.As. Codes that say no more than that something went wrong have no name here: there is
// nothing to branch to.
//
// A call whose context was cancelled returns an error that wraps [context.Canceled]; one whose deadline has passed
// returns ErrTimeout, which wraps [context.DeadlineExceeded].
var (
	// ErrLoginRequired means that a person has to log in: nobody has yet, or the provider has ended the login.
	ErrLoginRequired error = &api.Error{Code: api.LoginRequired}
	// ErrScopeNotGranted means that the login does not cover the scopes that were asked for; the hint is the login that
	// would.
	ErrScopeNotGranted error = &api.Error{Code: api.ScopeNotGranted}
	// ErrUnknownAccount means that there is no account of that name.
	ErrUnknownAccount error = &api.Error{Code: api.UnknownAccount}
	// ErrLocked means that oauthd, or its file store, is locked until a person runs oauthd unlock.
	ErrLocked error = &api.Error{Code: api.Locked}
	// ErrKeystoreLocked means that the desktop's keychain is locked, which unlocking oauthd does not change.
	ErrKeystoreLocked error = &api.Error{Code: api.KeystoreLocked}
	// ErrKeystoreUnavailable means that no keychain is available.
	ErrKeystoreUnavailable error = &api.Error{Code: api.KeystoreUnavailable}
	// ErrKeystoreFull means that the store refuses to take more.
	ErrKeystoreFull error = &api.Error{Code: api.KeystoreFull}
	// ErrNoDaemon means that no daemon runs, or that it went away before it had answered.
	ErrNoDaemon error = &api.Error{Code: api.NoDaemon}
	// ErrProviderUnreachable means that the provider, or the network, is in trouble, and no valid token is at hand; the
	// login stands. Later is worth a try.
	ErrProviderUnreachable error = &api.Error{Code: api.ProviderUnreachable}
	// ErrProviderRejected means that the provider refuses the request as it is configured, so that neither time nor a
	// login helps.
	ErrProviderRejected error = &api.Error{Code: api.ProviderRejected}
	// ErrTimeout means that there was no answer in time.
	ErrTimeout error = &api.Error{Code: api.Timeout}
	// ErrBusy means that the daemon has too much to do, or is stopping, or that a watch was not read in time.
	ErrBusy error = &api.Error{Code: api.Busy}
	// ErrPolicyDenied means that this program may not have that token.
	ErrPolicyDenied error = &api.Error{Code: api.PolicyDenied}
	// ErrForbidden means that this user may not talk to that daemon, or that the daemon is another user's.
	ErrForbidden error = &api.Error{Code: api.Forbidden}
	// ErrUnsupported means that the provider, or this platform, cannot do what was asked.
	ErrUnsupported error = &api.Error{Code: api.Unsupported}
	// ErrBadRequest means that the request does not make sense.
	ErrBadRequest error = &api.Error{Code: api.BadRequest}
	// ErrConfigInvalid means that a configuration file is wrong; the message says which and where.
	ErrConfigInvalid error = &api.Error{Code: api.ConfigInvalid}

	// ErrLoginDenied ends a login to which the person, or the provider, said no.
	ErrLoginDenied error = &api.Error{Code: api.LoginDenied}
	// ErrLoginTimeout ends a login that nobody finished in time.
	ErrLoginTimeout error = &api.Error{Code: api.LoginTimeout}
	// ErrLoginFailed ends a login that gave no credential for another reason.
	ErrLoginFailed error = &api.Error{Code: api.LoginFailed}
	// ErrLoginSuperseded ends a login that a newer one of the same account has replaced.
	ErrLoginSuperseded error = &api.Error{Code: api.LoginSuperseded}
	// ErrSubjectMismatch ends a login by another person than the one before.
	ErrSubjectMismatch error = &api.Error{Code: api.SubjectMismatch}
	// ErrUnknownLogin means that no login is waiting for what was pasted.
	ErrUnknownLogin error = &api.Error{Code: api.UnknownLogin}
	// ErrUnknownProvider means that there is no provider of that name.
	ErrUnknownProvider error = &api.Error{Code: api.UnknownProvider}
	// ErrAmbiguous means that more than one account fits.
	ErrAmbiguous error = &api.Error{Code: api.Ambiguous}
	// ErrPortUnavailable means that the port of the redirect URI cannot be had.
	ErrPortUnavailable error = &api.Error{Code: api.PortUnavailable}
)
