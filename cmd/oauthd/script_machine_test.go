package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"sync"

	"oauthd/daemon/oauthtest"

	"github.com/rogpeppe/go-internal/testscript"
)

const robotEmail = "robot@project.example.com"

// robotKey is made once, because that takes long.
var robotKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// addMachines adds to a server the clients machine (with $SECRET, by HTTP Basic) and signer (with the key k1 in
// signer.pem) for the client credentials grant, and the service account robot@project.example.com, whose key is in
// robot.json and which may act for ada@example.com.
func addMachines(ts *testscript.TestScript, cfg *oauthtest.Config, secret string) {
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	robot, err := robotKey()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("signer.pem"), pemKey(ts, signer), 0o600))
	program := []string{"client_credentials"}
	cfg.Clients = append(cfg.Clients,
		oauthtest.Client{ID: "machine", Secret: secret, AuthMethod: oauthtest.AuthBasic, GrantTypes: program},
		oauthtest.Client{ID: "signer", Keys: []oauthtest.Key{{ID: "k1", Public: signer.Public()}}, GrantTypes: program},
	)
	cfg.ServiceAccounts = []oauthtest.ServiceAccount{{
		Email: robotEmail, Keys: []oauthtest.Key{{ID: "r1", Public: robot.Public()}},
		Scopes: []string{"storage.read", "storage.write", "https://www.googleapis.com/auth/cloud-platform"}, Subjects: []string{"ada@example.com"},
	}}
}

// writeRobotKey writes the service account's key as Google gives it, with issuer's token endpoint in it.
func writeRobotKey(ts *testscript.TestScript, issuer string) {
	key, err := robotKey()
	ts.Check(err)
	text, err := json.MarshalIndent(map[string]string{
		"type": "service_account", "project_id": "project", "private_key_id": "r1", "private_key": string(pemKey(ts, key)),
		"client_email": robotEmail, "client_id": "100000000000000000001", "token_uri": issuer + "/token",
	}, "", "  ")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("robot.json"), text, 0o600))
}

func pemKey(ts *testscript.TestScript, key any) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
