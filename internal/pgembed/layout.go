package pgembed

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

const (
	database   = "phoneregistry"
	role       = "phoneregistry" // owns the database; not a superuser
	superuser  = "postgres"      // made by initdb; for maintenance only
	socketPort = "5432"          // names the socket file; nothing listens on TCP
	// The shortest limit of the systems in use for the path of a Unix socket: macOS takes 103 bytes, Linux 107.
	maxSocketPath = 103
)

// layout names what lies in a data directory. All paths are absolute and free of symbolic links, because PostgreSQL
// records some of them and they are compared later.
type layout struct {
	root string
}

func (l layout) cluster() string   { return filepath.Join(l.root, "postgres") }
func (l layout) lock() string      { return filepath.Join(l.root, "lock") }
func (l layout) password() string  { return filepath.Join(l.root, "postgres.password") }
func (l layout) log() string       { return filepath.Join(l.root, "postgres.log") }
func (l layout) overrides() string { return filepath.Join(l.root, "postgres.conf") }
func (l layout) runDir() string    { return filepath.Join(l.root, "run") }
func (l layout) pidFile() string   { return filepath.Join(l.cluster(), "postmaster.pid") }

// newPrefix begins the names of clusters under construction.
func (l layout) newPrefix() string { return "postgres.new-" }

// openLayout makes the data directory if needed and resolves its path. Other users may not list it.
func openLayout(dir string) (layout, error) {
	if dir == "" {
		return layout{}, errors.New("data directory: no path given")
	}
	if err := checkParents(dir); err != nil {
		return layout{}, err
	}
	if err := os.MkdirAll(dir, 0o700); errors.Is(err, fs.ErrPermission) {
		return layout{}, fmt.Errorf("%w: %w; use a folder of your own", ErrForeignOwner, err)
	} else if err != nil {
		return layout{}, fmt.Errorf("make data directory: %w", err)
	}
	return existingLayout(dir)
}

// checkParents finds out, before anything is made, whether PostgreSQL could enter the folder that a new data directory
// would be made in.
func checkParents(dir string) error {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if _, err := os.Stat(absolute); os.Geteuid() != 0 || !errors.Is(err, fs.ErrNotExist) {
		return nil // it exists, or will be found unusable by whoever uses it
	}
	service, err := serviceAccount()
	if err != nil {
		return err
	}
	parent := filepath.Dir(absolute)
	for ; parent != filepath.Dir(parent); parent = filepath.Dir(parent) {
		if _, err := os.Stat(parent); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return service.checkEnterable(parent)
}

func existingLayout(dir string) (layout, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return layout{}, fmt.Errorf("data directory: %w", err)
	}
	resolved, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return layout{}, fmt.Errorf("data directory: %w", err)
	}
	return layout{root: resolved}, nil
}

// admit lets the account walk through the data directory itself, which is ours to change; folders above are not.
func (l layout) admit(a account) error {
	if a.switched {
		info, err := os.Stat(l.root)
		if err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
		owner, err := ownerOf(l.root)
		if err != nil {
			return err
		}
		if owner == os.Geteuid() && info.Mode().Perm()&0o011 != 0o011 {
			if err := os.Chmod(l.root, info.Mode().Perm()|0o011); err != nil {
				return fmt.Errorf("data directory: %w", err)
			}
		}
	}
	return a.checkEnterable(l.root)
}

// socketDir returns the folder for the socket, made and private to the account: "run" in the data directory, or a
// folder with a short random name where that path would be too long for a socket. previous, when not empty, is the
// folder used before by this server, which is kept so that the URL stays.
func (l layout) socketDir(a account, previous string) (string, error) {
	dir := l.runDir()
	if previous != "" {
		dir = previous
	}
	if socketFits(dir) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", fmt.Errorf("make socket folder: %w", err)
		}
		if err := errors.Join(os.Chmod(dir, 0o700), a.own(dir, false)); err != nil {
			return "", fmt.Errorf("make socket folder: %w", err)
		}
		return dir, nil
	}
	return l.shortSocketDir(a)
}

func (l layout) shortSocketDir(a account) (string, error) {
	var tried []string
	for _, parent := range runtimeDirs(a) {
		made, err := os.MkdirTemp(parent, shortPrefix)
		if err != nil {
			tried = append(tried, err.Error())
			continue
		}
		if !socketFits(made) {
			tried = append(tried, made+": too long")
			_ = os.Remove(made)
			continue
		}
		if err := a.own(made, false); err != nil {
			_ = os.Remove(made)
			return "", fmt.Errorf("make socket folder: %w", err)
		}
		return made, nil
	}
	return "", fmt.Errorf("the path of %s is too long for a Unix socket (%d bytes at most) and no short folder could be made: %s",
		l.root, maxSocketPath, strings.Join(tried, "; "))
}

const shortPrefix = "phoneregistry-"

// clearSocket removes what a PostgreSQL left in its socket folder, and the folder itself when it lies outside the data
// directory. It leaves folders alone that socketDir did not make. No PostgreSQL may be running on the cluster: its
// lock file names a process, and PostgreSQL would not start while another one, or a zombie, has that number.
func (l layout) clearSocket(dir string) {
	short := strings.HasPrefix(filepath.Base(dir), shortPrefix)
	if dir != l.runDir() && !short {
		return
	}
	for _, name := range []string{".s.PGSQL." + socketPort, ".s.PGSQL." + socketPort + ".lock"} {
		_ = os.Remove(filepath.Join(dir, name)) // absent after a clean stop
	}
	if short {
		_ = os.Remove(dir) // refuses when it is not empty, and so not ours
	}
}

func socketFits(dir string) bool {
	return len(filepath.Join(dir, ".s.PGSQL."+socketPort)) <= maxSocketPath
}

func runtimeDirs(a account) []string {
	var dirs []string
	if a.switched {
		dirs = append(dirs, "/run")
	} else if own := os.Getenv("XDG_RUNTIME_DIR"); own != "" {
		dirs = append(dirs, own)
	}
	return append(dirs, os.TempDir(), "/tmp")
}

// loadPassword reads the password of both roles, and makes one when there is none. existed tells which.
func (l layout) loadPassword() (password string, existed bool, err error) {
	password, err = l.readPassword()
	if password != "" || (err != nil && !errors.Is(err, fs.ErrNotExist)) {
		return password, true, err
	}
	secret := make([]byte, 24)
	_, _ = rand.Read(secret) // never fails
	password = hex.EncodeToString(secret)
	return password, false, writeFile(l.password(), []byte(password+"\n"), 0o600)
}

func (l layout) readPassword() (string, error) {
	content, err := os.ReadFile(l.password())
	if err != nil {
		return "", fmt.Errorf("read password of PostgreSQL: %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}

// writeFile replaces a file in one step, durably: after a crash it has the old content or the new one.
func writeFile(path string, content []byte, mode fs.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	opened, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return errors.Join(opened.Sync(), opened.Close())
}

// connectURL is a URL for pgx and libpq through the Unix socket. It holds the password: never log it.
func connectURL(user, password, socketDir, db string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Path: "/" + db}
	query := url.Values{"host": {socketDir}, "port": {socketPort}, "sslmode": {"disable"}}.Encode()
	u.RawQuery = strings.ReplaceAll(query, "+", "%20") // libpq and pgx take a plus as a plus
	return u.String()
}
