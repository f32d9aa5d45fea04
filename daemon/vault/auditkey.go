package vault

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"oauthd/keystore"
)

// AuditKeyName is the name of the key of fingerprints. It cannot be an account's name.
const AuditKeyName = ".audit"

// auditKey is that key as it is stored.
type auditKey struct {
	header
	Key []byte `json:"key"`
}

// AuditKey returns the key under which the audit log has fingerprints of tokens. The first time it is made. The caller
// clears it when it is done.
func (v *Vault) AuditKey(ctx context.Context) ([]byte, error) {
	unlock, err := v.Lock(ctx, AuditKeyName)
	if err != nil {
		return nil, err
	}
	defer unlock()
	data, err := v.store.Get(ctx, AuditKeyName)
	defer clear(data)
	var k auditKey
	switch {
	case err == nil && json.Unmarshal(data, &k) == nil && k.Version > recordVersion:
		return nil, fmt.Errorf("vault: the key of the audit log: %w", k.check(AuditKeyName)) // a newer oauthd's, which it may need
	case err == nil && k.check(AuditKeyName) == nil && len(k.Key) >= 32:
		return k.Key, nil
	case err != nil && !errors.Is(err, keystore.ErrNotFound) && !errors.Is(err, keystore.ErrDamaged):
		return nil, fmt.Errorf("vault: read the key of the audit log: %w", err)
	}
	k = auditKey{header: header{Version: recordVersion, Name: AuditKeyName}, Key: make([]byte, 32)}
	_, _ = rand.Read(k.Key) // never fails
	fresh, err := json.Marshal(k)
	defer clear(fresh)
	if err == nil {
		err = v.store.Put(ctx, AuditKeyName, fresh)
	}
	if err != nil {
		return nil, fmt.Errorf("vault: save the key of the audit log: %w", err)
	}
	return k.Key, nil
}
