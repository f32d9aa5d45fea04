package az

import (
	"net/url"
	"slices"
	"strings"

	"oauthd/ipc/api"
)

const (
	outputJSON = "json"
	outputTSV  = "tsv"
)

// request is what a command line asks for.
type request struct {
	scope         string
	output, query string
}

// resourceTypes are az's short names for resources, and the one that it means if there is none.
func resourceTypes() map[string]string {
	return map[string]string{
		"":          "https://management.azure.com",
		"arm":       "https://management.azure.com",
		"ms-graph":  "https://graph.microsoft.com",
		"aad-graph": "https://graph.windows.net",
		"batch":     "https://batch.core.windows.net",
		"data-lake": "https://datalake.azure.net",
		"oss-rdbms": "https://ossrdbms-aad.database.windows.net",
	}
}

// read reads the options. One that it does not know is an error, so that nobody gets another token than the one meant.
// The tenant and the subscription are the account's, whatever the options say.
func read(args []string) (request, error) {
	values, known := map[string]string{"output": outputJSON}, options()
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		option, ok := known[name]
		switch {
		case !ok:
			return request{}, badRequest("az account get-access-token " + api.Excerpt(name) + " is not answered by oauthd")
		case option == "":
			continue // says only how az reports
		case joined:
		case i+1 == len(args):
			return request{}, badRequest(name + " needs a value")
		default:
			i++
			value = args[i]
		}
		values[option] = value
	}
	resource, ok := resourceTypes()[values["resource-type"]]
	if !ok {
		return request{}, badRequest("--resource-type " + api.Excerpt(values["resource-type"]) + " is not answered by oauthd: give --resource URL")
	}
	if values["resource"] != "" {
		resource = values["resource"]
	}
	r := request{scope: resource + "/.default", output: values["output"], query: values["query"]}
	if values["scope"] != "" {
		r.scope = values["scope"]
	}
	// Of one resource there is one scope; RFC 6749 appendix A.4 says what it may be made of.
	if strings.ContainsFunc(r.scope, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }) {
		return request{}, badRequest(api.Excerpt(r.scope) + " is not a scope")
	}
	if !slices.Contains([]string{outputJSON, "jsonc", outputTSV}, r.output) {
		return request{}, badRequest("--output " + api.Excerpt(r.output) + " is not answered by oauthd")
	}
	return r, nil
}

// options are those of the command, by their spellings; "" is one without a value.
func options() map[string]string {
	return map[string]string{
		"--resource": "resource", "--scope": "scope", "--resource-type": "resource-type",
		"--output": "output", "-o": "output", "--query": "query",
		"--tenant": "tenant", "-t": "tenant", "--subscription": "subscription", "-s": "subscription", "--name": "subscription", "-n": "subscription",
		"--only-show-errors": "", "--verbose": "", "--debug": "",
	}
}

// place is the resource as the hosts of accounts name it.
func (r request) place() string {
	u, err := url.Parse(strings.TrimSuffix(r.scope, ".default"))
	if err != nil || u.Host == "" {
		return r.scope
	}
	return u.Scheme + "://" + u.Host + "/"
}
