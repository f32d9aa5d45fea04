package api

// Match is the account that answers for a URL, and why.
type Match struct {
	Account string `json:"account"`
	// Pattern is the one that matched, as it was written.
	Pattern string `json:"pattern"`
	// From says where the pattern comes from: "account", its file, or "provider", the provider's own hosts.
	From string `json:"from"`
	// File is the account's file, if the pattern comes from there.
	File string `json:"file,omitempty"`
}

// Values of [Match.From].
const (
	MatchFromAccount  = "account"
	MatchFromProvider = "provider"
)
