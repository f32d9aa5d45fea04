package vault

import (
	"bytes"
	"context"
	"testing"

	"oauthd/daemon/account"
	"oauthd/keystore"
)

// holding is a store that keeps every buffer it gave or was given.
type holding struct {
	keystore.Memory
	buffers [][]byte
}

func (s *holding) Get(ctx context.Context, name string) ([]byte, error) {
	data, err := s.Memory.Get(ctx, name)
	s.buffers = append(s.buffers, data)
	return data, err
}

func (s *holding) Put(ctx context.Context, name string, data []byte) error {
	s.buffers = append(s.buffers, data)
	return s.Memory.Put(ctx, name, data)
}

func TestBuffersAreCleared(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(v *Vault) error
		want int // buffers
	}{
		"save":         {func(v *Vault) error { return v.Save(t.Context(), "work", credential("planted")) }, 1},
		"load":         {func(v *Vault) error { _, err := v.Load(t.Context(), "work"); return err }, 1},
		"rewrite":      {func(v *Vault) error { v.addName(t.Context(), "work"); return nil }, 2},
		"registration": {func(v *Vault) error { _, _, err := v.Registration(t.Context(), issuer); return err }, 1},
		"save a registration": {func(v *Vault) error {
			return v.SaveRegistration(t.Context(), account.Registration{Issuer: issuer, ClientID: "x", ClientSecret: account.NewSecret("planted")})
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := &holding{}
			for at, text := range map[string]string{"work": old, RegistrationName(issuer): oldRegistration} {
				if err := s.Memory.Put(t.Context(), at, []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			if err := tt.do(New(s)); err != nil {
				t.Fatal(err)
			}
			if len(s.buffers) != tt.want {
				t.Errorf("got %d buffers, want %d", len(s.buffers), tt.want)
			}
			for i, buffer := range s.buffers {
				if len(buffer) == 0 || !bytes.Equal(buffer, make([]byte, len(buffer))) {
					t.Errorf("buffer %d still holds the record", i)
				}
			}
		})
	}
}
