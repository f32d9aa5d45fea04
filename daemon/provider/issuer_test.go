package provider

import "testing"

// TestIssuerOfATenant checks whom a provider with one issuer per tenant takes for itself.
func TestIssuerOfATenant(t *testing.T) {
	const guid, other = "9188040d-6c67-4c5b-b112-36a304b66dad", "00000000-FFFF-ffff-aAfF-0123456789ab"
	microsoft, _ := Lookup("microsoft")
	at := func(tenant string) string { return "https://login.microsoftonline.com/" + tenant + "/v2.0" }
	for _, tt := range []struct {
		name, iss, tenant string
		want              bool
	}{
		{"any tenant", at(guid), "", true},
		{"in either case of letters", at(other), "", true},
		{"the tenant that the token names", at(guid), guid, true},
		{"another one", at(guid), other, false},
		{"nobody", "", "", false},
		{"too short", at(guid[1:]), "", false},
		{"too long", at(guid + "0"), "", false},
		{"another host", "https://login.example.com/" + guid + "/v2.0", "", false},
		{"another version", "https://login.microsoftonline.com/" + guid + "/v1.0", "", false},
		{"no tenant's name", at("common"), "", false},
	} {
		if got := microsoft.IssuerMatches(tt.iss, tt.tenant); got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.name, got, tt.want)
		}
	}
	// Right beside the digits and letters of a GUID, and a dash out of place.
	for _, c := range []string{"/", ":", "@", "G", "`", "g", "-"} {
		if microsoft.IssuerMatches(at(guid[:35]+c), "") {
			t.Errorf("a GUID that ends in %q: got true, want false", c)
		}
	}
	for _, i := range []int{8, 13, 18, 23} {
		if microsoft.IssuerMatches(at(guid[:i]+"0"+guid[i+1:]), "") {
			t.Errorf("no dash at %d: got true, want false", i)
		}
	}

	// Once the tenant is known, no other tenant speaks for it.
	one, err := microsoft.ForTenant(guid)
	if err != nil || !one.IssuerMatches(at(guid), "") || one.IssuerMatches(at(other), "") {
		t.Errorf("of one tenant: got own %t, other's %t, %v; want its own alone", one.IssuerMatches(at(guid), ""), one.IssuerMatches(at(other), ""), err)
	}
	if again, err := one.ForTenant(""); err != nil || again.Tenant != guid {
		t.Errorf("asked for no tenant: got %q, %v; want the one it has", again.Tenant, err)
	}
}

// TestIssuerAliases checks that another name of an issuer counts, but no name of none.
func TestIssuerAliases(t *testing.T) {
	p := Provider{Row: Row{Issuer: "https://login.example.com", IssuerAliases: []string{"login.example.com"}}}
	if !p.IssuerMatches("https://login.example.com", "") || !p.IssuerMatches("login.example.com", "") || p.IssuerMatches("https://login.example.com/", "") {
		t.Error("an issuer with an alias: want both of its names, letter by letter")
	}
	p.Issuer = ""
	if p.IssuerMatches("login.example.com", "") {
		t.Error("a provider without an issuer: got a match")
	}
}
