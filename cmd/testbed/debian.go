package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"runner/cmd/testbed/bed"
)

// release is the Debian that the image has; debootstrap knows where to get it.
const release = "bookworm"

// What the Debian image has beside a minimal system, and what it can install without a network, from an archive of its
// own in /srv/debian: what a web server needs.
const (
	installed = "systemd systemd-sysv dbus dbus-user-session libpam-systemd openssh-server procps sudo python3-apt ca-certificates openrc insserv"
	archived  = "nginx-light git cron nftables"
)

// makeDebian makes the image of a Debian with three service managers: systemd, OpenRC, and the scripts of System V. It
// takes about two minutes, and is made again only when the recipe changes.
func makeDebian(ctx context.Context) error {
	recipe := fmt.Sprintf("%x", sha256.Sum256([]byte(release+installed+archived+debianSetup)))
	if out, err := exec.CommandContext(ctx, "docker", "image", "inspect", "--format", "{{.Config.Labels.recipe}}", bed.ImageDebian).Output(); err == nil &&
		strings.TrimSpace(string(out)) == recipe {
		return nil
	}
	fmt.Fprintf(os.Stderr, "testbed: making a Debian %s\n", release)
	root, err := os.MkdirTemp(stateDir, "debian-")
	if err != nil {
		return fmt.Errorf("cannot make a Debian: %w", err)
	}
	defer os.RemoveAll(root) //nolint:errcheck // what is left is only a directory of the test bed
	// The archives of the base system are of no use to anybody; those that are loaded after it are the image's archive.
	if err := command(ctx, "debootstrap", "--variant=minbase", release, root); err != nil {
		return err
	}
	if err := command(ctx, "chroot", root, "sh", "-euc", debianSetup, "sh", installed, archived); err != nil {
		return err
	}
	if err := indexArchive(ctx, filepath.Join(root, "srv/debian")); err != nil {
		return err
	}
	return importTree(ctx, root, bed.ImageDebian, recipe)
}

// debianSetup runs in the new system. The service manager of OpenRC is told that it runs in a container.
const debianSetup = `
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get update
apt-get install --yes --no-install-recommends $1
apt-get clean
mkdir -p /srv/debian/partial
apt-get install --yes --no-install-recommends --download-only -o Dir::Cache::archives=/srv/debian $2
rm -rf /srv/debian/partial /srv/debian/lock /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/sbin/policy-rc.d /etc/machine-id /run/*
: >/etc/machine-id
echo 'deb [trusted=yes] file:/srv/debian ./' >/etc/apt/sources.list
echo 'rc_sys="docker"' >>/etc/rc.conf
`

// indexArchive writes the list that makes a directory of packages an archive.
func indexArchive(ctx context.Context, dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(found) == 0 {
		return fmt.Errorf("there are no packages in %s: %w", dir, errors.Join(err))
	}
	var index bytes.Buffer
	for _, file := range found {
		fields, err := exec.CommandContext(ctx, "dpkg-deb", "--field", file).Output()
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", file, err)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("cannot read a package: %w", err)
		}
		fmt.Fprintf(&index, "%s\nFilename: ./%s\nSize: %d\nSHA256: %x\n\n", bytes.TrimSpace(fields), filepath.Base(file), len(content), sha256.Sum256(content))
	}
	if err := os.WriteFile(filepath.Join(dir, "Packages"), index.Bytes(), 0o644); err != nil {
		return fmt.Errorf("cannot write the archive's list: %w", err)
	}
	return nil
}

// importTree gives a directory to the daemon as an image, and lets the image say what it was made by.
func importTree(ctx context.Context, root, name, recipe string) error {
	pack := exec.CommandContext(ctx, "tar", "--create", "--numeric-owner", "--xattrs", "--directory", root, ".")
	load := exec.CommandContext(ctx, "docker", "import", "--change", "LABEL recipe="+recipe, "-", name)
	stream, err := pack.StdoutPipe()
	if err != nil {
		return fmt.Errorf("cannot pack %s: %w", root, err)
	}
	load.Stdin = stream
	var said bytes.Buffer
	load.Stdout, load.Stderr, pack.Stderr = io.Discard, &said, os.Stderr
	if err := pack.Start(); err != nil {
		return fmt.Errorf("cannot pack %s: %w", root, err)
	}
	err = load.Run()
	if err := errors.Join(err, pack.Wait()); err != nil {
		return fmt.Errorf("cannot load image %s: %w: %s", name, err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}
