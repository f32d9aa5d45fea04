package own

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Ours reports whether a file belongs to this process's user, which a description alone does not say on Windows.
func Ours(fs.FileInfo) bool { return true }

// isLink reports whether what is on the way to a directory leads elsewhere. A junction is neither file nor directory to
// package os.
func isLink(info fs.FileInfo) bool { return info.Mode()&(fs.ModeSymlink|fs.ModeIrregular) != 0 }

// The rights by which others could change what is in a file or a directory, or put something else in its place.
const (
	// rightsToName are those to the names in a directory on the way: to make new ones is not among them, as with a sticky
	// bit. Every drive lets its users make directories.
	rightsToName = windows.DELETE | fileDeleteChild | windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_ALL | windows.GENERIC_WRITE
	// rightsToContent are those to a file, or to a directory whose files are ours.
	rightsToContent = rightsToName | windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA

	fileDeleteChild = 0x40 // winnt.h; package windows has all others
)

// everybody are the groups that anybody, or any user of the machine, is in.
var everybody = []windows.WELL_KNOWN_SID_TYPE{
	windows.WinWorldSid, windows.WinAuthenticatedUserSid, windows.WinBuiltinUsersSid, windows.WinInteractiveSid, windows.WinNetworkSid,
	windows.WinAnonymousSid, windows.WinBuiltinGuestsSid, windows.WinBatchSid, windows.WinLocalSid,
}

// trustedInstaller owns what Windows came with (NT SERVICE\TrustedInstaller).
const trustedInstaller = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"

// checkOwner refuses what belongs to anybody but us and the system.
func checkOwner(path string, _ fs.FileInfo) error {
	sd, err := securityOf(path)
	if err != nil {
		return err
	}
	owner, _, err := sd.Owner()
	if err != nil || owner == nil {
		return errors.Join(err, &Refused{Path: path, Why: "belongs to nobody"})
	}
	trusted, err := trusts(owner)
	if err != nil || trusted {
		return err
	}
	return &Refused{Path: path, Why: fmt.Sprintf("belongs to %s, not to you", nameOf(owner)), Hint: "choose a place that only you can write to"}
}

// checkWriters refuses what everybody may write to.
func checkWriters(path string, _ fs.FileInfo) error { return checkRights(path, rightsToContent) }

// checkStep refuses what is not a directory that can be on the way.
func checkStep(path string, info fs.FileInfo) error {
	if !info.IsDir() {
		return &Refused{Path: path, Why: "is " + kindOrFile(info.Mode()) + ", not a directory"}
	}
	if err := checkOwner(path, info); err != nil {
		return err
	}
	return checkRights(path, rightsToName)
}

// Private refuses a directory that is not ours, or to which everybody may write.
func (d *Dir) Private() error {
	if err := checkOwner(d.path, nil); err != nil {
		return err
	}
	return checkWriters(d.path, nil)
}

// checkRights refuses what gives one of rights to everybody. Only groups are looked for that nobody chose: whoever gave
// a right to a person or a group of an organization meant to.
func checkRights(path string, rights windows.ACCESS_MASK) error {
	sd, err := securityOf(path)
	if err != nil {
		return err
	}
	list, _, err := sd.DACL()
	open := &Refused{Path: path, Why: "can be written to by others", Hint: "take their rights away with icacls, or choose a place that only you can write to"}
	if err != nil || list == nil { // a file system without access lists, FAT for example
		return open
	}
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &ace); err != nil {
			return err
		}
		if ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE || ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 || ace.Mask&rights == 0 {
			continue
		}
		who := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
		if slices.ContainsFunc(everybody, who.IsWellKnown) {
			open.Why += " (" + nameOf(who) + ")"
			return open
		}
	}
	return nil
}

func securityOf(path string) (*windows.SECURITY_DESCRIPTOR, error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return nil, &fs.PathError{Op: "read the access list of", Path: path, Err: err}
	}
	return sd, nil
}

// trusts reports whether what belongs to sid is ours or the system's. The administrators own what one of them makes.
func trusts(sid *windows.SID) (bool, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return false, err
	}
	return sid.Equals(user.User.Sid) || sid.IsWellKnown(windows.WinLocalSystemSid) || sid.IsWellKnown(windows.WinBuiltinAdministratorsSid) ||
		sid.String() == trustedInstaller, nil
}

// nameOf returns what Windows calls sid, which is the text of the SID if it has no name here.
func nameOf(sid *windows.SID) string {
	account, domain, _, err := sid.LookupAccount("")
	switch {
	case err != nil:
		return sid.String()
	case domain == "":
		return account
	}
	return domain + `\` + account
}
