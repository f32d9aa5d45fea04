package keystore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"oauthd/ipc/own"

	"filippo.io/age"
)

// sealedFile contains the age identity that opens identity.age, sealed.
const sealedFile = "identity.cred"

// Sealer encrypts a secret so that nobody but this user on this machine can decrypt it, and asks no person.
type Sealer interface {
	Seal(ctx context.Context, secret []byte) (sealed []byte, err error)
	Unseal(ctx context.Context, sealed []byte) (secret []byte, err error)
}

// ErrSealed means that what this machine has sealed does not open, or cannot be made.
var ErrSealed = errors.New("the file store's key is sealed, and this machine does not open it")

// makeSealed makes an age identity, and leaves it sealed beside identity.age.
func (f *File) makeSealed(ctx context.Context) (age.Recipient, error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("make an identity: %w", err)
	}
	text := []byte(key.String())
	defer clear(text)
	sealed, err := f.config.Sealer.Seal(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	dir, err := own.Open(f.config.Dir)
	if err != nil {
		return nil, fileError(err)
	}
	defer dir.Close()
	return key.Recipient(), fileError(replaceFile(dir, sealedFile, sealed))
}

// unsealed returns the identity that makeSealed made.
func (f *File) unsealed(ctx context.Context) (age.Identity, error) {
	dir, err := own.Open(f.config.Dir)
	if err != nil {
		return nil, fileError(err)
	}
	defer dir.Close()
	sealed, err := readFile(dir, sealedFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %s is missing", ErrSealed, dir.Path(sealedFile))
	case err != nil:
		return nil, fileError(err)
	}
	text, err := f.config.Sealer.Unseal(ctx, sealed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	defer clear(text)
	key, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%w: it contains no identity", ErrSealed)
	}
	return key, nil
}
