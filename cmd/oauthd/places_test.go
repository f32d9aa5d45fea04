package main

import (
	"testing"

	"oauthd/ipc/api"
)

func TestADCPlaces(t *testing.T) {
	const file = "/application_default_credentials.json"
	for _, tt := range []struct {
		name      string
		vars      map[string]string
		wellKnown string
	}{
		{"home", map[string]string{"HOME": "/home/ada"}, "/home/ada/.config/gcloud" + file},
		{"gcloud's own", map[string]string{"HOME": "/home/ada", "CLOUDSDK_CONFIG": "/g"}, "/g" + file},
		{"a relative one", map[string]string{"HOME": "/home/ada", "CLOUDSDK_CONFIG": "g"}, "/home/ada/.config/gcloud" + file},
		{"no home", nil, ""},
		{"a relative home", map[string]string{"HOME": "."}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := adcPlaces(api.Environment{Getenv: func(name string) string { return tt.vars[name] }, GOOS: "linux"})
			if got.WellKnown != tt.wellKnown {
				t.Errorf("got %q, want %q", got.WellKnown, tt.wellKnown)
			}
		})
	}
}
