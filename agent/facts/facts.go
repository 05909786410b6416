// Package facts finds out what a target is: who it is for lanes, and what sites can read as self.facts. It asks neither
// DNS nor a file system that may hang, and starts no process: facts come with every hello. Its neighbours are agent,
// which sends them, and agent/lane, which takes locks for the identity. It decides nothing.
package facts

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"runner/agent/wire"
)

// Gather finds out everything. What cannot be found out stays empty.
func Gather() wire.Facts {
	f := wire.Facts{
		CPUs:           runtime.NumCPU(),
		User:           Account(),
		PackageManager: packageManager(),
		TimeZone:       timeZone(),
		Env:            environ(),
		Interfaces:     interfaces(),
	}
	system(&f)
	f.FQDN = fqdn(f.Hostname)
	return f
}

// Identity says who the target is that this process runs on and as. Equal targets are reached by whatever chain; a
// machine is told from its clones, and a container from its machine.
func Identity() wire.Target {
	sum := sha256.Sum256([]byte(strings.Join(machine(), "\x00")))
	return wire.Target{Machine: hex.EncodeToString(sum[:16]), User: strconv.Itoa(os.Geteuid())}
}

// Account is the user that this process runs as, by the user database; what that does not have comes from the
// environment.
func Account() wire.UserFacts {
	u := wire.UserFacts{
		UID: os.Geteuid(), GID: os.Getegid(),
		Name: os.Getenv("USER"), Home: os.Getenv("HOME"), Shell: os.Getenv("SHELL"),
	}
	if name, home, shell, ok := lookUp(strconv.Itoa(u.UID)); ok {
		u.Name, u.Home = name, home
		if shell != "" {
			u.Shell = shell
		}
	}
	if u.Name == "" {
		u.Name = strconv.Itoa(u.UID)
	}
	return u
}

// Home is the home of the user that this process runs as by the user database alone, or "". It is the same by whatever
// chain the process was started, as $HOME is not.
func Home() string {
	_, home, _, _ := lookUp(strconv.Itoa(os.Geteuid()))
	return home
}

// Container names the kind of container that this process runs in; "" outside of one.
func Container() string {
	switch kind := virtualization(); kind {
	case "docker", "podman", "lxc", "lxc-libvirt", "systemd-nspawn", "openvz", "rkt", "jail", "wsl", "proot", "container-other":
		return kind
	}
	return ""
}

// text is a small file's content without the white space around it, "" if it cannot be read.
func text(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

func environ() map[string]string {
	out := map[string]string{}
	for _, pair := range os.Environ() {
		if name, value, ok := strings.Cut(pair, "="); ok && name != "" {
			out[name] = value
		}
	}
	return out
}

// fqdn asks /etc/hosts only: DNS may hang, and may say something else tomorrow.
func fqdn(hostname string) string {
	if strings.Contains(hostname, ".") {
		return hostname
	}
	for line := range strings.Lines(text("/etc/hosts")) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 || !slices.Contains(fields[1:], hostname) {
			continue
		}
		for _, name := range fields[1:] {
			if strings.HasPrefix(name, hostname+".") {
				return name
			}
		}
	}
	return hostname
}

func packageManager() string {
	for _, m := range []struct{ name, file string }{
		{"apt", "/usr/bin/apt-get"},
		{"dnf", "/usr/bin/dnf"},
		{"yum", "/usr/bin/yum"},
		{"zypper", "/usr/bin/zypper"},
		{"apk", "/sbin/apk"},
		{"pacman", "/usr/bin/pacman"},
		{"emerge", "/usr/bin/emerge"},
		{"xbps", "/usr/bin/xbps-install"},
		{"opkg", "/bin/opkg"},
		{"pkg", "/usr/sbin/pkg"},
		{"brew", "/opt/homebrew/bin/brew"},
		{"brew", "/usr/local/bin/brew"},
	} {
		if exists(m.file) {
			return m.name
		}
	}
	return ""
}

func timeZone() string {
	if zone := strings.TrimPrefix(os.Getenv("TZ"), ":"); zone != "" && !strings.HasPrefix(zone, "/") {
		return zone
	}
	if link, err := os.Readlink("/etc/localtime"); err == nil {
		if _, zone, ok := strings.Cut(link, "zoneinfo/"); ok {
			return zone
		}
	}
	if zone := text("/etc/timezone"); zone != "" {
		return zone
	}
	return "UTC"
}
