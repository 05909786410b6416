package child

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// idRange is a line of /proc/PID/uid_map.
type idRange struct{ inside, outside, count uint64 }

func readMap(file string) ([]idRange, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out []idRange
	for line := range strings.Lines(string(data)) {
		var r idRange
		if _, err := fmt.Sscan(line, &r.inside, &r.outside, &r.count); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func mapped(ranges []idRange, id uint32) uint32 {
	for _, r := range ranges {
		if v := uint64(id); v >= r.inside && v-r.inside < r.count {
			return uint32(r.outside + v - r.inside) //nolint:gosec // the kernel's ids have 32 bits
		}
	}
	return id
}

// account is a user as the container's own files have it.
type account struct {
	name, home, shell string
	uid, gid          uint32
	groups            []uint32
}

// account looks a user up inside, by name or number, with or without ":group"; "" is root. It is called when the
// container has been joined.
func (c *container) account(user string) (*account, error) {
	name, group, explicit := strings.Cut(user, ":")
	a := &account{name: name, home: "/"}
	if name == "" {
		name = "0"
	}
	number, numeric := id(name)
	found := false
	for _, f := range database("/etc/passwd", 7) {
		uid, ok := id(f[2])
		gid, valid := id(f[3])
		if ok && valid && (f[0] == name || numeric && uid == number) {
			a.name, a.uid, a.gid, a.home, a.shell, found = f[0], uid, gid, f[5], f[6], true
			break
		}
	}
	if !found {
		if !numeric {
			return nil, fmt.Errorf("no matching entries in passwd file: there is no user %s inside", name)
		}
		a.uid = number
	}
	for _, f := range database("/etc/group", 4) {
		gid, ok := id(f[2])
		switch {
		case !ok:
		case explicit && f[0] == group:
			group = f[2]
		case !explicit && found && slices.Contains(strings.Split(f[3], ","), a.name):
			a.groups = append(a.groups, gid)
		}
	}
	if explicit {
		gid, ok := id(group)
		if !ok {
			return nil, fmt.Errorf("no matching entries in group file: there is no group %s inside", group)
		}
		a.gid = gid
	}
	return a, nil
}

// database reads the lines of a user database that have so many fields. What is inside a container is not trusted: it
// is only text, and only the first of it.
func database(file string, fields int) [][]string {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	data, _ := io.ReadAll(io.LimitReader(f, 1<<20))
	var out [][]string
	for line := range strings.Lines(string(data)) {
		if parts := strings.Split(strings.TrimSpace(line), ":"); len(parts) == fields {
			out = append(out, parts)
		}
	}
	return out
}

func id(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil
}

func (a *account) credential(c *container) *syscall.Credential {
	out := &syscall.Credential{Uid: mapped(c.uids, a.uid), Gid: mapped(c.gids, a.gid)}
	for _, g := range a.groups {
		out.Groups = append(out.Groups, mapped(c.gids, g))
	}
	return out
}

// environ is the container's own environment with what belongs to an account set to this one (G13).
func (a *account) environ(base []string) []string {
	own := map[string]string{"HOME": a.home, "SHELL": a.shell, "LOGNAME": a.name, "USER": a.name}
	var out []string
	path := false
	for _, pair := range base {
		name, _, ok := strings.Cut(pair, "=")
		if _, reset := own[name]; reset || !ok {
			continue
		}
		path = path || name == "PATH"
		out = append(out, pair)
	}
	if !path {
		out = append(out, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	}
	for _, name := range []string{"HOME", "SHELL", "LOGNAME", "USER"} {
		if own[name] != "" {
			out = append(out, name+"="+own[name])
		}
	}
	return out
}
