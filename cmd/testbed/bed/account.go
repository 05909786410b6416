package bed

import (
	"context"
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
	"time"
)

// AccountOptions say what an account looks like. The zero value is a plain one with a password and no sudo rules.
type AccountOptions struct {
	Shell   string   // login shell; /bin/bash unless set
	Sudoers []string // lines of a sudoers file; %u stands for the account's name
	Groups  []string // further groups
	NoHome  bool     // the home directory is not made
	Environ []string // added to what Command gives
}

// Account is a user of this machine that exists for one test. Its password is random.
type Account struct {
	Name, Password string
	UID, GID       int
	Home, Shell    string
	groups         []uint32 // beside its own
	options        AccountOptions
}

// Sudo rules that most tests want.
const (
	SudoFree   = "%u ALL=(ALL:ALL) NOPASSWD: ALL"
	SudoAsking = "%u ALL=(ALL:ALL) ALL"
	SudoNever  = "Defaults:%u timestamp_timeout=0" // ask each time
)

// Account makes a user. Its sshd key is the bed's, whichever server it logs in to. Needs root.
func (b *Bed) Account(options AccountOptions) *Account {
	b.t.Helper()
	if options.Shell == "" {
		options.Shell = "/bin/bash"
	}
	a := &Account{Name: unique(), Password: "Pw " + unique(), Shell: options.Shell, options: options}
	a.Home = "/home/" + a.Name
	args := []string{"--home-dir", a.Home, "--shell", a.Shell, "--user-group"}
	if options.NoHome {
		args = append(args, "--no-create-home")
	} else {
		args = append(args, "--create-home")
	}
	if len(options.Groups) > 0 {
		args = append(args, "--groups", strings.Join(options.Groups, ","))
	}
	b.accounts = append(b.accounts, a)
	b.account("", "useradd", append(args, a.Name)...)
	// Few rounds: a test of passwords need not wait for a slow hash.
	b.account(a.Name+":"+a.Password+"\n", "chpasswd", "--crypt-method", "SHA512", "--sha-rounds", "1000")
	found, err := user.Lookup(a.Name)
	if err != nil {
		b.t.Fatalf("cannot find the account just made: %v", err)
	}
	a.UID, _ = strconv.Atoi(found.Uid)
	a.GID, _ = strconv.Atoi(found.Gid)
	ids, err := found.GroupIds()
	if err != nil {
		b.t.Fatalf("cannot find the account's groups: %v", err)
	}
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			a.groups = append(a.groups, uint32(n))
		}
	}
	if len(options.Sudoers) > 0 {
		b.Sudoers(a, options.Sudoers...)
	}
	b.authorize(a)
	return a
}

// Sudoers replaces an account's sudo rules; %u stands for its name.
func (b *Bed) Sudoers(a *Account, rules ...string) {
	b.t.Helper()
	text := strings.ReplaceAll(strings.Join(rules, "\n")+"\n", "%u", a.Name)
	// A broken file would take sudo from everybody, so it is checked before it gets a name that sudo reads.
	draft := sudoersFile(a) + "~"
	if err := os.WriteFile(draft, []byte(text), 0o440); err != nil {
		b.t.Fatalf("cannot write sudo rules: %v", err)
	}
	if out, err := exec.Command("visudo", "-c", "-f", draft).CombinedOutput(); err != nil {
		_ = os.Remove(draft)
		b.t.Fatalf("sudo rules are wrong: %s", out)
	}
	if err := os.Rename(draft, sudoersFile(a)); err != nil {
		b.t.Fatalf("cannot write sudo rules: %v", err)
	}
}

func sudoersFile(a *Account) string { return "/etc/sudoers.d/" + a.Name }

// Command prepares a command that runs as the account, with the environment that a login would give and its home as
// directory. The processes of the test must be root.
func (a *Account) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = a.Home
	if a.options.NoHome {
		cmd.Dir = "/"
	}
	cmd.Env = a.Environ()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.Credential()}
	return cmd
}

// Credential is what a process needs to run as the account.
func (a *Account) Credential() *syscall.Credential {
	return &syscall.Credential{Uid: uint32(a.UID), Gid: uint32(a.GID), Groups: a.groups}
}

// Environ is the account's environment after a login.
func (a *Account) Environ() []string {
	return append([]string{
		"HOME=" + a.Home, "USER=" + a.Name, "LOGNAME=" + a.Name, "SHELL=" + a.Shell,
		"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8",
	}, a.options.Environ...)
}

func (b *Bed) removeAccount(a *Account) {
	b.endProcesses(a)
	for _, file := range []string{sudoersFile(a), sudoersFile(a) + "~", "/run/sudo/ts/" + a.Name} {
		if err := os.RemoveAll(file); err != nil {
			b.t.Errorf("cannot remove the account's files: %v", err)
		}
	}
	for _, dir := range privateDirs(a) {
		if err := os.RemoveAll(dir); err != nil {
			b.t.Errorf("cannot remove the account's files: %v", err)
		}
	}
	b.account("", "userdel", "--remove", a.Name)
}

// endProcesses kills what runs as the account; CheckLeaks has complained about it before.
func (b *Bed) endProcesses(a *Account) {
	deadline := time.Now().Add(5 * time.Second)
	for {
		left := 0
		for _, p := range processes() {
			if p.uid == a.UID {
				_ = syscall.Kill(p.pid, syscall.SIGKILL)
				left++
			}
		}
		if left == 0 || time.Now().After(deadline) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// account runs one of the programs that change the user database. They refuse to work side by side, so tests of
// several packages take turns.
func (b *Bed) account(input, name string, args ...string) {
	b.t.Helper()
	unlock, err := lock("/run/lock/runner-testbed-accounts")
	if err != nil {
		b.t.Fatalf("cannot wait for the user database: %v", err)
	}
	defer unlock()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	// userdel says 12 when there was no home directory or mail spool to remove.
	var exit *exec.ExitError
	if errors.As(err, &exit) && name == "userdel" && exit.ExitCode() == 12 {
		err = nil
	}
	if err != nil {
		b.t.Errorf("cannot change the user database: %s: %v: %s", name, err, out)
	}
}

// lock waits for a lock that tests of all packages share.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		_ = file.Close()
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}

// privateDirs are where an agent of the account keeps its copy when the home directory does not do.
func privateDirs(a *Account) []string {
	if a.UID == 0 {
		return nil
	}
	return []string{
		fmt.Sprintf("/dev/shm/.runner-%d", a.UID),
		fmt.Sprintf("/var/tmp/.runner-%d", a.UID),
		fmt.Sprintf("/tmp/.runner-%d", a.UID),
	}
}

// files lists what an account owns below a directory; its private directories are left out.
func (a *Account) files(root string) []string {
	private := map[string]bool{}
	for _, dir := range privateDirs(a) {
		private[dir] = true
	}
	var found []string
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root { // what vanishes meanwhile is not left
			return nil //nolint:nilerr // see above
		}
		if private[path] {
			return fs.SkipDir
		}
		if info, err := d.Info(); err == nil && owner(info) == a.UID {
			found = append(found, path)
		}
		return nil
	})
	return found
}
