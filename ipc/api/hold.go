package api

// HeldToken is a line of the answer to a request for a token that is to be held. The first has the token. If it is held, the
// same request would come to the same token until the second line, which has nothing else, or the end of the connection.
type HeldToken struct {
	Token *Token `json:"token,omitempty"`
	// Held is true if a second line will come. Without it, the token is good for one use, as any other.
	Held  bool `json:"held,omitempty"`
	Ended bool `json:"ended,omitempty"`
}
