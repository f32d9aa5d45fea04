package oauthtest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// CommaScopes puts commas between the scopes of a token response, as GitHub and Slack do; also in what
// [Server.NestUserToken] nests.
func CommaScopes() Fault {
	return AlterFields(func(fields map[string]any) {
		nested, _ := fields["authed_user"].(map[string]any)
		for _, answer := range []map[string]any{fields, nested} {
			if scope, ok := answer["scope"].(string); ok {
				answer["scope"] = strings.ReplaceAll(scope, " ", ",")
			}
		}
	})
}

// UserScope lets an authorization request say its scopes in user_scope, with commas between them, as Slack has it; scope
// does not count then.
func UserScope() Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if scope := r.Form.Get("user_scope"); scope != "" {
				r.Form.Set("scope", strings.ReplaceAll(scope, ",", " "))
			}
			next.ServeHTTP(w, r)
		})
	}
}

// TextExpiresIn makes the expires_in of a token response a JSON string, as some servers do.
func TextExpiresIn() Fault {
	return AlterFields(func(fields map[string]any) {
		if n, ok := fields["expires_in"].(json.Number); ok {
			fields["expires_in"] = n.String()
		}
	})
}

// CreatedAt adds created_at, in seconds since 1970, to a token response, as GitLab does.
func (s *Server) CreatedAt() Fault {
	return AlterFields(func(fields map[string]any) { fields["created_at"] = s.cfg.Now().Unix() })
}

// GitHubErrors answers refusals of the token endpoint with 200, and gives them GitHub's names: bad_refresh_token,
// bad_verification_code, incorrect_client_credentials. Other names stay as they are.
func GitHubErrors() Fault {
	return refusalsIn200(func(fields map[string]any, grantType string) {
		switch code := fields["error"]; {
		case code == "invalid_client":
			fields["error"] = "incorrect_client_credentials"
		case code == "invalid_grant" && grantType == "refresh_token":
			fields["error"] = "bad_refresh_token"
		case code == "invalid_grant" && grantType == "authorization_code":
			fields["error"] = "bad_verification_code"
		}
	})
}

// SlackErrors answers refusals of the token endpoint, and of [RevocationBearer], with 200 and {"ok":false,"error":…}
// under Slack's names: invalid_refresh_token, invalid_code, bad_client_secret, invalid_auth. Other names stay as they
// are. Successes get "ok":true.
func SlackErrors() Fault {
	refusals := refusalsIn200(func(fields map[string]any, grantType string) {
		switch code := fields["error"]; {
		case code == "invalid_client":
			fields["error"] = "bad_client_secret"
		case code == "invalid_grant" && grantType == "refresh_token":
			fields["error"] = "invalid_refresh_token"
		case code == "invalid_grant" && grantType == "authorization_code":
			fields["error"] = "invalid_code"
		case code == "invalid_token":
			fields["error"] = "invalid_auth"
		}
		fields["ok"] = false
		delete(fields, "error_description")
	})
	return Chain(refusals, Set("ok", true))
}

// refusalsIn200 changes OAuth errors of a status from 400 to 499 and answers them with 200; other answers pass as they
// are.
func refusalsIn200(change func(fields map[string]any, grantType string)) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := record(next, r)
			var fields map[string]any
			isError := answer.status >= 400 && answer.status < 500 && json.Unmarshal(answer.body.Bytes(), &fields) == nil
			if !isError || fields["error"] == nil {
				answer.replay(w)
				return
			}
			change(fields, r.PostForm.Get("grant_type"))
			writeJSON(w, http.StatusOK, fields)
		})
	}
}

// NestUserToken makes a token response that of Slack's oauth.v2.access: what the person's grant has earned lies in
// authed_user, and the token outside it is a bot's, which works too, but is not the person's. The answer to a refresh is
// not nested, but says token_type user.
func (s *Server) NestUserToken() Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			change := s.nest
			if r.PostForm.Get("grant_type") == "refresh_token" {
				change = func(fields map[string]any) {
					if fields["access_token"] != nil { // else it is an error in 200
						fields["token_type"] = "user"
					}
				}
			}
			AlterFields(change)(next).ServeHTTP(w, r)
		})
	}
}

func (s *Server) nest(fields map[string]any) {
	text, _ := fields["access_token"].(string)
	user, ok := s.lookup(text)
	if !ok {
		return
	}
	nested := map[string]any{"id": user.consent.user.Subject, "token_type": "user"}
	for _, name := range []string{"access_token", "refresh_token", "expires_in", "scope"} {
		if value, ok := fields[name]; ok {
			nested[name] = value
			delete(fields, name)
		}
	}
	bot := &consent{client: user.consent.client, user: User{Subject: "bot", Name: "Bot"}, at: user.consent.at}
	s.mu.Lock()
	fields["access_token"] = s.newAccessTokenLocked(bot, []string{"commands"}, nil)
	s.mu.Unlock()
	fields["ok"], fields["token_type"], fields["scope"] = true, "bot", "commands"
	fields["bot_user_id"], fields["authed_user"] = "bot", nested
}
