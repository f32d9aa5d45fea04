package daemon

import (
	"context"

	"oauthd/ipc/api"
)

// Providers reports on every provider that has a name, by name: the built-in ones and those of config.toml.
func (d *Daemon) Providers(ctx context.Context) ([]api.Provider, error) {
	d.book.Reread(ctx)
	var all []api.Provider
	for _, name := range d.book.ProviderNames() {
		if p, ok := d.book.Provider(name); ok {
			all = append(all, p.Describe())
		}
	}
	return all, nil
}

// Provider reports on one provider. The error for an unknown name suggests what it may have been meant for.
func (d *Daemon) Provider(ctx context.Context, name string) (api.Provider, error) {
	d.book.Reread(ctx)
	if p, ok := d.book.Provider(name); ok {
		return p.Describe(), nil
	}
	return api.Provider{}, d.book.UnknownProvider(name)
}
