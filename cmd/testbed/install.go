package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"runner/cmd/testbed/bed"
)

// debian is one package and a program that is there when it is installed.
type debian struct{ name, program string }

func packages() []debian {
	return []debian{
		{"openssh-server", "sshd"},
		{"openssh-client", "ssh"},
		{"sudo", "sudo"},
		{"opendoas", "doas"},
		{"docker.io", "dockerd"},
		{"docker.io", "docker"},
		{"busybox-static", "busybox"},
		{"debootstrap", "debootstrap"},
		{"passwd", "useradd"},
		{"procps", "ps"},
		{"cron", "crontab"},
		{"fish", "fish"},
		{"tcsh", "tcsh"},
		{"zsh", "zsh"},
		{"tmux", "tmux"},
		{"locales", "locale-gen"},
		{"git", "git"},
		{"curl", "curl"},
		{"wget", "wget"},
		{"bzip2", "bzip2"},
		{"xz-utils", "xz"},
		{"zstd", "zstd"},
		{"zip", "zip"},
		{"ansible-core", "ansible-playbook"}, // what the guide and inventories are compared with
		{"dpkg-dev", "dpkg-scanpackages"},    // what makes repositories of packages
		{"gnupg", "gpg"},
		{"rpm", "rpmbuild"},
		{"createrepo-c", "createrepo_c"},
		{"dnf", "dnf"}, // what gets packages from them
		{"zypper", "zypper"},
		{"pacman-package-manager", "pacman"},
		{"graphviz", "dot"},    // reads what graph writes
		{"gcc", "gcc"},         // for the race detector
		{"python3", "python3"}, // an example of an action of one's own is written in it
	}
}

// present looks where root's programs are as well.
func (d debian) present() bool {
	if _, err := exec.LookPath(d.program); err == nil {
		return true
	}
	_, err := exec.LookPath(filepath.Join("/usr/sbin", d.program))
	return err == nil
}

// install installs the packages that are missing, if any.
func install(ctx context.Context) error {
	var missing []string
	for _, p := range packages() {
		if !p.present() && !slices.Contains(missing, p.name) {
			missing = append(missing, p.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return fmt.Errorf("cannot install %s: there is no apt-get here", strings.Join(missing, ", "))
	}
	fmt.Fprintf(os.Stderr, "testbed: installing %s\n", strings.Join(missing, ", "))
	if err := command(ctx, apt, "update"); err != nil {
		return err
	}
	// A daemon that a package starts would outlive the tests, so none is: policy-rc.d is how Debian is told.
	const policy = "/usr/sbin/policy-rc.d"
	if _, err := os.Stat(policy); os.IsNotExist(err) {
		if err := os.WriteFile(policy, []byte("#!/bin/sh\nexit 101\n"), 0o755); err != nil {
			return fmt.Errorf("cannot keep packages from starting daemons: %w", err)
		}
		defer os.Remove(policy) //nolint:errcheck // what is left is only a policy
	}
	args := []string{"DEBIAN_FRONTEND=noninteractive", apt, "install", "--yes", "--no-install-recommends"}
	return command(ctx, "env", append(args, missing...)...)
}

// makeLocale makes the one locale in which tests let programs ask for passwords.
func makeLocale(ctx context.Context) error {
	if out, err := exec.CommandContext(ctx, "locale", "-a").Output(); err == nil && strings.Contains(string(out), bed.GermanLocale) {
		return nil
	}
	return command(ctx, "localedef", "-i", "de_DE", "-f", "UTF-8", "de_DE.UTF-8")
}
