package keystore

// SetRunUser makes k look for a session bus below dir instead of /run/user, where a person's own may be.
func (k *Keychain) SetRunUser(dir string) { k.runUser = dir }
