package pgembed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// account is the user that PostgreSQL runs as. PostgreSQL refuses to run as root, so a server started by root hands
// its data directory to another user and runs PostgreSQL as that one.
type account struct {
	uid, gid int
	name     string
	switched bool // differs from the user of this process
}

// chooseAccount decides whom PostgreSQL runs as, given the data directory and the cluster folder in it (which may not
// exist yet). An ordinary user runs it as himself. Root runs it as the owner of an existing cluster, so that data
// first made as "nobody" stays usable once a user "postgres" exists; else as postgres, else as nobody.
func chooseAccount(dataDir, cluster string) (account, error) {
	dirOwner, err := ownerOf(dataDir)
	if err != nil {
		return account{}, err
	}
	clusterOwner, err := ownerOf(cluster)
	exists := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return account{}, err
	}
	me := os.Geteuid()
	if me != 0 {
		if dirOwner != me {
			return account{}, foreignOwner(dataDir, dirOwner, me)
		}
		if exists && clusterOwner != me {
			return account{}, foreignOwner(cluster, clusterOwner, me)
		}
		return account{uid: me, gid: os.Getegid(), name: userName(me)}, nil
	}
	service, err := serviceAccount()
	if err != nil {
		return account{}, err
	}
	if !exists || clusterOwner == 0 || clusterOwner == service.uid {
		return service, nil
	}
	if clusterOwner == dirOwner {
		// Made by that user running phoneregistry himself: root would leave files there that lock him out.
		return account{}, foreignOwner(dataDir, dirOwner, me)
	}
	return accountOf(clusterOwner)
}

func serviceAccount() (account, error) {
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(found.Uid)
		if err != nil || uid == 0 {
			continue
		}
		return accountOf(uid)
	}
	return account{}, fmt.Errorf("%w: it does not run as root, and neither user postgres nor nobody exists; "+
		"start phoneregistry as an ordinary user", ErrStart)
}

func accountOf(uid int) (account, error) {
	found, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return account{uid: uid, gid: uid, name: "uid " + strconv.Itoa(uid), switched: true}, nil //nolint:nilerr // a user without a passwd entry can run it just as well
	}
	gid, err := strconv.Atoi(found.Gid)
	if err != nil {
		return account{}, fmt.Errorf("group of user %s: %w", found.Username, err)
	}
	return account{uid: uid, gid: gid, name: found.Username, switched: true}, nil
}

func foreignOwner(path string, owner, me int) error {
	return fmt.Errorf("%w: %s belongs to %s and phoneregistry runs as %s; run it as %s or use another data directory",
		ErrForeignOwner, path, userName(owner), userName(me), userName(owner))
}

func ownerOf(path string) (int, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, fmt.Errorf("look at data directory: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("look at data directory %s: no owner known", path)
	}
	return int(stat.Uid), nil
}

func userName(uid int) string {
	if found, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return found.Username
	}
	return "uid " + strconv.Itoa(uid)
}

// own hands path to the account, with everything below when deep.
func (a account) own(path string, deep bool) error {
	if !a.switched {
		return nil
	}
	if !deep {
		return os.Lchown(path, a.uid, a.gid)
	}
	root, err := os.OpenRoot(path) // keeps root's hands off what symbolic links lead to
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return fs.WalkDir(root.FS(), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Lchown(name, a.uid, a.gid)
	})
}

// attributes makes a child process run as the account, in a session of its own: the terminal's Ctrl-C and hang-up
// reach this server only, which then stops PostgreSQL in good order.
func (a account) attributes() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setsid: true}
	if a.switched {
		attributes.Credential = &syscall.Credential{
			Uid: uint32(a.uid),
			Gid: uint32(a.gid),
		}
	}
	return attributes
}

// checkEnterable tells whether the account can reach dir, by entering it as that user: permission bits alone say too
// little where access lists or mount options exist.
func (a account) checkEnterable(dir string) error {
	if !a.switched || a.enters(dir) {
		return nil
	}
	blocked := dir
	for parent := filepath.Dir(dir); parent != blocked && !a.enters(parent); parent = filepath.Dir(parent) {
		blocked = parent
	}
	return fmt.Errorf("%w: it runs as user %s, who may not enter %s; use a data directory elsewhere, such as "+
		"/var/lib/phoneregistry, or type: chmod o+x %s", ErrNotEnterable, a.name, blocked, blocked)
}

func (a account) enters(dir string) bool {
	probe := exec.Command("/bin/sh", "-c", ":") //nolint:noctx // ends by itself
	probe.Dir = dir                             // entered after the change of user
	probe.SysProcAttr = a.attributes()
	return probe.Run() == nil
}

// environment is what PostgreSQL's programs get to see: no PG… variable that would change what they do, and none of
// this server's secrets.
func environment() []string {
	env := []string{"LC_ALL=C", "TZ=UTC"}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		switch name {
		case "PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LOCPATH", "LOCALE_ARCHIVE":
			env = append(env, entry)
		}
	}
	return env
}
