package ipc

import (
	"fmt"
	"math"
	"strconv"

	"oauthd/ipc/api"
)

// tokenFields is fieldsOf[api.TokenRequest], written out because it is needed for every request over HTTP.
func tokenFields() []string {
	return []string{"account", "url", "scope", "audience", "resource", "min_ttl", "force", "id_token", "interactive", "acr_values", "max_age"}
}

// decodeTokenRequest reads the body of a token request, or one line of line JSON.
func decodeTokenRequest(data []byte) (api.TokenRequest, error) {
	if r, ok := scanTokenRequest(data); ok {
		return r, nil
	}
	var r api.TokenRequest
	err := decodeStrict(data, &r, tokenFields())
	return r, err
}

// queryTokenRequest reads the query of GET /v1/token.
func queryTokenRequest(raw string) (api.TokenRequest, error) {
	var r api.TokenRequest
	err := readQuery(raw, tokenFields(), func(key, value string) error { return setParameter(&r, key, value) })
	return r, err
}

func setParameter(r *api.TokenRequest, key, value string) error {
	switch key {
	case "account":
		r.Account = value
	case "url":
		r.URL = value
	case "scope":
		r.Scope = value
	case "audience":
		r.Audience = value
	case "resource":
		r.Resource = value
	case "min_ttl":
		return setSeconds(&r.MinTTL, key, value)
	case "force":
		return setFlag(&r.Force, key, value)
	case "id_token":
		return setFlag(&r.IDToken, key, value)
	case "interactive":
		return setFlag(&r.Interactive, key, value)
	case "acr_values":
		r.ACRValues = value
	case "max_age":
		return setSeconds(&r.MaxAge, key, value)
	}
	return nil
}

func setSeconds(seconds **int64, key, value string) error {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return badRequest(key+" must be an integer", "give it in seconds, such as "+key+"=600")
	}
	*seconds = &n
	return nil
}

func setFlag(flag *bool, key, value string) error {
	switch value {
	case "true", "1":
		*flag = true
	case "false", "0":
	default:
		return badRequest(key+" must be true or false", "write "+key+"=true, or leave it out")
	}
	return nil
}

// checkTokenRequest checks what decoding does not.
func checkTokenRequest(r api.TokenRequest) error {
	if r.Account == "" && r.URL == "" {
		return badRequest("account is missing", "oauthd accounts lists the names")
	}
	if r.Account != "" {
		if err := api.CheckAccountName(r.Account); err != nil {
			return err
		}
	}
	if r.MinTTL != nil && (*r.MinTTL < 0 || *r.MinTTL > math.MaxInt32) {
		return badRequest(fmt.Sprintf("min_ttl must be a number of seconds from 0 to %d", math.MaxInt32),
			"leave it out to get a token that lives for at least a minute")
	}
	if r.MaxAge != nil && (*r.MaxAge < 0 || *r.MaxAge > math.MaxInt32) {
		return badRequest(fmt.Sprintf("max_age must be a number of seconds from 0 to %d", math.MaxInt32), "leave it out if the login may be of any age")
	}
	return nil
}
