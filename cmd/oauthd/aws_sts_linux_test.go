package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	stsHost = "sts.eu-central-1.amazonaws.com"
	roleARN = "arn:aws:iam::123456789012:role/deploy"
)

// roleService plays AWS' Security Token Service in one region, which trusts the seat's provider and its client. It is
// found behind a proxy, as it would be in an office.
type roleService struct {
	*httptest.Server
	verifier *oidc.IDTokenVerifier

	mu       sync.Mutex // guards the fields below
	down     bool
	assumed  int
	sessions map[string]string // by access key
}

// newRoleService starts one, and sets the seat's variables so that it is found.
func newRoleService(t *testing.T, s *seat) *roleService {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), s.provider.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	service := &roleService{verifier: provider.Verifier(&oidc.Config{ClientID: "native"}), sessions: map[string]string{}}
	service.Server = httptest.NewUnstartedServer(service)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{stsHost}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	service.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	service.StartTLS()
	t.Cleanup(service.Close)
	proxy := httptest.NewServer(http.HandlerFunc(service.connect))
	t.Cleanup(proxy.Close)
	s.write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	ca := filepath.Join(s.dir, "ca.pem")
	s.env = append(s.env, "HTTPS_PROXY="+proxy.URL, "https_proxy="+proxy.URL, "AWS_CA_BUNDLE="+ca, "SSL_CERT_FILE="+ca, "AWS_EC2_METADATA_DISABLED=true")
	return service
}

// connect is the proxy, which leads to no other place.
func (s *roleService) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect || r.Host != stsHost+":443" {
		http.Error(w, "no way to "+r.Host, http.StatusForbidden)
		return
	}
	server, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(server, client) }()
	_, _ = io.Copy(client, server)
}

var signedBy = regexp.MustCompile(`Credential=([A-Z0-9]+)/`)

// ServeHTTP gives out access keys for ID tokens, and says whose an access key is.
func (s *roleService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "text/xml")
	refuse := func(status int, code, message string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`, code, message)
	}
	switch action := r.FormValue("Action"); {
	case s.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case action == "AssumeRoleWithWebIdentity":
		token, err := s.verifier.Verify(r.Context(), r.FormValue("WebIdentityToken"))
		if err != nil {
			refuse(http.StatusBadRequest, "InvalidIdentityToken", "the token cannot be verified")
			return
		}
		if r.FormValue("RoleArn") != roleARN {
			refuse(http.StatusForbidden, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
			return
		}
		s.assumed++
		key := fmt.Sprintf("ASIAEXAMPLE%05d", s.assumed)
		s.sessions[key] = "arn:aws:sts::123456789012:assumed-role/deploy/" + r.FormValue("RoleSessionName")
		fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
<SubjectFromWebIdentityToken>%s</SubjectFromWebIdentityToken><AssumedRoleUser><Arn>%s</Arn><AssumedRoleId>AROA</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>secret-%s</SecretAccessKey><SessionToken>session-%s</SessionToken><Expiration>%s</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
			token.Subject, s.sessions[key], key, key, key, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	case action == "GetCallerIdentity":
		found := signedBy.FindStringSubmatch(r.Header.Get("Authorization"))
		if found == nil || s.sessions[found[1]] == "" || r.Header.Get("X-Amz-Security-Token") != "session-"+found[1] {
			refuse(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid")
			return
		}
		fmt.Fprintf(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>%s</Arn><UserId>AROA</UserId>
<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, s.sessions[found[1]])
	default:
		refuse(http.StatusBadRequest, "InvalidAction", "unknown")
	}
}

func (s *roleService) setDown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = true
}

func (s *roleService) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.assumed
}
