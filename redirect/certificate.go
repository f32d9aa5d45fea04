package redirect

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Browsers' clocks differ: over SSH the browser runs on another machine.
const (
	certificateLife = 24 * time.Hour
	clockSkew       = time.Hour
)

// newCertificate makes a self-signed certificate for the loopback addresses. It is no authority, and its key exists in
// memory only.
func newCertificate() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("certificate key: %w", err)
	}
	begin := time.Now().Add(-clockSkew)
	template := &x509.Certificate{ // CreateCertificate chooses the serial number
		Subject:               pkix.Name{CommonName: "oauthd login"},
		NotBefore:             begin,
		NotAfter:              begin.Add(certificateLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// secureTLS returns the configuration of an https redirect URI's listeners, and nil for http.
func (cfg Config) secureTLS() (*tls.Config, error) {
	if !cfg.HTTPS {
		return nil, nil
	}
	certificate := cfg.Certificate
	if certificate == nil {
		var err error
		if certificate, err = newCertificate(); err != nil {
			return nil, err
		}
	}
	if len(certificate.Certificate) == 0 || certificate.PrivateKey == nil {
		return nil, errors.New("the certificate or its key is missing")
	}
	return &tls.Config{
		Certificates: []tls.Certificate{*certificate},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
	}, nil
}

// CertificateFingerprint returns the SHA-256 fingerprint of the certificate that an https redirect URI shows, written
// as browsers do, such as AB:01:…; "" for an http one. The person compares the two before accepting the browser's
// warning.
func (s *Server) CertificateFingerprint() string {
	if s.tls == nil {
		return ""
	}
	sum := sha256.Sum256(s.tls.Certificates[0].Certificate[0])
	return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":")
}
