package grant

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ParsePEMKey reads a private key from PEM (RFC 7468), as [ParseClientKey] does, and names it keyID. Errors complete
// "the file …" and never quote the data.
func ParsePEMKey(data []byte, keyID string) (ClientKey, error) {
	key, err := parsePEM(bytes.TrimSpace(data))
	if err != nil {
		return ClientKey{}, err
	}
	key.id = keyID
	return ClientKey{key}, nil
}

// parsePEM reads the private key among PEM blocks (RFC 7468); its parameters and certificates may be there too. Errors
// complete "the file …".
func parsePEM(data []byte) (*privateKey, error) {
	var found *pem.Block
	other := ""
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch block.Type {
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
			if found != nil {
				return nil, errors.New("holds more than one private key; keep one")
			}
			found = block
		default:
			other = block.Type
		}
	}
	switch {
	case found == nil && other != "":
		return nil, otherBlock(other)
	case found == nil:
		return nil, notPEM(data)
	case found.Headers["DEK-Info"] != "" || found.Headers["Proc-Type"] != "":
		return nil, errors.New("holds an encrypted private key; decrypt it first (openssl pkey)")
	}
	parsed, err := parseDER(found)
	if err != nil {
		return nil, err
	}
	return newPrivateKey(parsed)
}

// parseDER reads a block by its label. The parsers' errors may quote the data, so they are not passed on.
func parseDER(block *pem.Block) (key any, err error) {
	switch block.Type {
	case "RSA PRIVATE KEY":
		if key, err = x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
			return key, nil
		}
	case "EC PRIVATE KEY":
		if key, err = x509.ParseECPrivateKey(block.Bytes); err == nil {
			return key, nil
		}
	default:
		if key, err = x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			return key, nil
		}
	}
	return nil, fmt.Errorf("holds a %s block that is damaged, or a key of a kind that cannot be used here", block.Type)
}

// otherBlock says what a PEM block is if it is not a private key.
func otherBlock(label string) error {
	switch label {
	case "PUBLIC KEY", "RSA PUBLIC KEY":
		return errors.New("holds a public key, not the private one")
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
		return errors.New("holds a certificate, not a private key")
	case "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST":
		return errors.New("holds a certificate request, not a private key")
	case "ENCRYPTED PRIVATE KEY":
		return errors.New("holds an encrypted private key; decrypt it first (openssl pkey)")
	case "OPENSSH PRIVATE KEY":
		return errors.New("holds a key in OpenSSH's form; convert it first (ssh-keygen -p -m PKCS8)")
	case "EC PARAMETERS":
		return errors.New("holds the parameters of a key, not the key")
	default:
		return errors.New("holds PEM, but no private key")
	}
}

// notPEM says what data without any PEM block is.
func notPEM(data []byte) error {
	switch {
	case bytes.Contains(data, []byte("-----BEGIN")):
		return errors.New("is PEM that is damaged or cut off")
	case bytes.HasPrefix(data, []byte("ssh-")), bytes.HasPrefix(data, []byte("ecdsa-sha2-")):
		return errors.New("holds an OpenSSH public key, not a private key")
	case data[0] == 0x30:
		return errors.New("is binary (DER or PKCS #12); convert it to PEM first (openssl)")
	default:
		return errors.New("is neither PEM nor a JSON Web Key")
	}
}
