package api

// TypeDPoP is the [Token.TokenType] of a token that is bound to a key of the daemon's: whoever uses it says so in the
// Authorization header, and sends a proof of that key with each request (RFC 9449 §7).
const TypeDPoP = "DPoP"

// ProofRequest asks for what one HTTP request takes: a token, and if that is bound to a key, a proof for this request alone.
// It is the body of POST /v1/proof. Its URL is where the request goes, and the account's hosts must allow that place.
type ProofRequest struct {
	TokenRequest
	// Method is that of the HTTP request.
	Method string `json:"method"`
	// Nonce is the last DPoP-Nonce that the server sent in an answer (RFC 9449 §9); "" if it has sent none.
	Nonce string `json:"nonce,omitempty"`
}

// Proof is what one HTTP request takes: TokenType and AccessToken, with a space between them, are its Authorization header.
type Proof struct {
	Token
	// Proof is the request's DPoP header; "" if the token is a bearer token, which needs none.
	Proof string `json:"proof,omitempty"`
}

// NeedsProof is the error of a program that can send no proof, for an account whose tokens are bound to a key.
func NeedsProof(account string) *Error {
	return &Error{
		Code:    Unsupported,
		Message: "the tokens of " + account + " are bound to a key (DPoP), and this program cannot send the proof that goes along",
		Hint: "oauthd proxy " + account + " --upstream URL adds it, or take dpop = true out of the account's file and log in again, " +
			"if the provider gives bearer tokens too",
	}
}
