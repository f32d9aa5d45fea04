package process

import "strings"

// Emulated is the name of the variable that lists the variables that belong to a program started by exec alone:
// a daemon that is started below it, and that asked there for a token of the machine, would ask itself.
const Emulated = "OAUTHD_EMULATED"

// Environ cuts an environment down to what a daemon needs, or a program that it starts.
func Environ(environ []string) []string {
	exact := map[string]bool{
		"HOME": true, "USER": true, "LOGNAME": true, "PATH": true, "LANG": true, "TZ": true,
		"DBUS_SESSION_BUS_ADDRESS": true, "DBUS_SYSTEM_BUS_ADDRESS": true, "GOOGLE_APPLICATION_CREDENTIALS": true, "CLOUDSDK_CONFIG": true,
		"HTTP_PROXY": true, "HTTPS_PROXY": true, "NO_PROXY": true, "ALL_PROXY": true,
		"http_proxy": true, "https_proxy": true, "no_proxy": true, "all_proxy": true,
	}
	prefixes := []string{"LC_", "XDG_", "OAUTHD_", "GCE_METADATA_", "SSL_CERT_"}
	emulated := map[string]bool{Emulated: true}
	for _, entry := range environ {
		if list, ok := strings.CutPrefix(entry, Emulated+"="); ok {
			for name := range strings.SplitSeq(list, ",") {
				emulated[name] = true
			}
		}
	}
	var kept []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		name = comparedName(name)
		keep := exact[name] || neededHere[name]
		for _, prefix := range prefixes {
			keep = keep || strings.HasPrefix(name, prefix)
		}
		if keep && !emulated[name] {
			kept = append(kept, entry)
		}
	}
	return kept
}
