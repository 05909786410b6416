//go:build linux

package packages_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"runner/agent/action/actiontest"
	"runner/cmd/testbed/bed"
)

// tiny is a package that tests make: a file with its version in /usr/share, and little more.
type tiny struct {
	name, version, needs string
	config               bool   // it has a configuration file
	then                 string // a script that runs when it has been installed
}

// tinies are the packages of a repository in its first state, newer ones come with the second.
func tinies() (first, second []tiny) {
	first = []tiny{
		{name: "runner-lib", version: "1.0-1"},
		{name: "runner-app", version: "1.0-1", needs: "runner-lib", config: true},
		{name: "runner-other", version: "1.0-1"},
		{name: "tiny-base", version: "1.0-1"},
		{name: "runner-broken", version: "1.0-1", needs: "runner-nowhere"},
		{name: "runner-fails", version: "1.0-1", then: "echo it broke >&2; exit 3"},
		{name: "runner-slow", version: "1.0-1", then: "echo $$ >/tmp/runner-slow.pid; sleep 3"},
	}
	second = []tiny{
		{name: "runner-lib", version: "2.0-1"},
		{name: "runner-app", version: "2.0-1", needs: "runner-lib", config: true},
	}
	return first, second
}

// repository is a directory that a real manager gets packages from.
type repository struct {
	t    testing.TB
	kind string // the manager
	dir  string
	have []tiny
}

// run runs a program and returns what it printed.
func runs(t testing.TB, argv ...string) string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	return string(out)
}

// newRepository makes a repository for a manager, with the packages of the first state, and nothing else for that manager
// to get packages from.
func newRepository(t testing.TB, kind string) *repository {
	t.Helper()
	bed.Need(t, "throwaway", map[string]string{"apt": "apt-get"}[kind]+strings.TrimPrefix(kind, "apt"))
	r := &repository{t: t, kind: kind, dir: filepath.Join("/srv/runner-test", kind)}
	actiontest.OK(t, os.RemoveAll(r.dir))
	actiontest.OK(t, os.MkdirAll(r.dir, 0o755))
	first, _ := tinies()
	r.add(first...)
	switch kind {
	case "apt":
		actiontest.OK(t, os.RemoveAll("/etc/apt/sources.list.d"))
		actiontest.OK(t, os.MkdirAll("/etc/apt/sources.list.d", 0o755))
		for _, dir := range []string{"/var/lib/apt/lists", "/var/lib/dpkg"} {
			actiontest.OK(t, os.RemoveAll(dir))
		}
		for _, dir := range []string{"info", "updates", "triggers"} {
			actiontest.OK(t, os.MkdirAll("/var/lib/dpkg/"+dir, 0o755))
		}
		r.write("/var/lib/dpkg/status", "") // as of a machine without packages: it is read again and again
		r.write("/etc/apt/apt.conf.d/retries", "Acquire::Retries \"0\";\n")
		r.write("/etc/apt/sources.list", "deb [trusted=yes] file:"+r.dir+" ./\n")
	case "dnf", "zypper":
		text := "[tiny]\nname=tiny\nbaseurl=file://" + r.dir + "\ngpgcheck=0\nenabled=1\nautorefresh=0\n"
		for _, dir := range []string{"/etc/yum.repos.d", "/etc/zypp/repos.d", "/var/cache/dnf", "/var/cache/zypp", "/etc/dnf/vars"} {
			actiontest.OK(t, os.RemoveAll(dir))
		}
		r.write("/etc/yum.repos.d/tiny.repo", text)
		r.write("/etc/zypp/repos.d/tiny.repo", text)
		r.write("/etc/dnf/vars/releasever", "1\n")
		r.write("/etc/rpm/macros", "%_dbpath /var/lib/rpm\n") // Debian's has another one for each user
	case "pacman":
		actiontest.OK(t, os.RemoveAll("/var/lib/pacman/sync"))
		actiontest.OK(t, os.MkdirAll("/var/lib/pacman/local", 0o755))
		actiontest.OK(t, os.MkdirAll("/var/cache/pacman/pkg", 0o755))
		r.write("/etc/pacman.conf", "[options]\nArchitecture = auto\nSigLevel = Never\n[tiny]\nServer = file://"+r.dir+"\n")
	}
	r.clean()
	if kind == "dnf" || kind == "zypper" {
		r.put(tiny{name: "tiny-base", version: "1.0-1"}) // zypper does not take a machine without any
	}
	t.Cleanup(r.clean)
	return r
}

func (r *repository) write(path, text string) {
	r.t.Helper()
	actiontest.OK(r.t, os.MkdirAll(filepath.Dir(path), 0o755))
	actiontest.OK(r.t, os.WriteFile(path, []byte(text), 0o644))
}

// add puts packages into the repository.
func (r *repository) add(all ...tiny) {
	r.t.Helper()
	for _, p := range all {
		r.build(p)
	}
	r.have = append(r.have, all...)
	switch r.kind {
	case "apt":
		cmd := exec.Command("dpkg-scanpackages", "--multiversion", ".")
		cmd.Dir = r.dir
		out, err := cmd.Output()
		actiontest.OK(r.t, err)
		r.write(r.dir+"/Packages", string(out))
	case "dnf", "zypper":
		runs(r.t, "createrepo_c", "--quiet", r.dir)
	case "pacman":
		r.database()
	}
}

// file is the path of a package.
func (r *repository) file(p tiny) string {
	switch r.kind {
	case "apt":
		return filepath.Join(r.dir, p.name+"_"+p.version+".deb")
	case "pacman":
		return filepath.Join(r.dir, p.name+"-"+p.version+"-any.pkg.tar.gz")
	}
	return filepath.Join(r.dir, "noarch", p.name+"-"+p.version+".noarch.rpm")
}

func (r *repository) build(p tiny) {
	r.t.Helper()
	work := filepath.Join("/srv/runner-build", r.kind, p.name)
	actiontest.OK(r.t, os.RemoveAll(work))
	switch r.kind {
	case "apt":
		r.write(work+"/usr/share/"+p.name, p.version+"\n")
		control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: nobody <nobody@example.net>\nDescription: none\n", p.name, p.version)
		if p.needs != "" {
			control += "Depends: " + p.needs + "\n"
		}
		r.write(work+"/DEBIAN/control", control)
		if p.config {
			r.write(work+"/etc/"+p.name+".conf", "of "+p.version+"\n")
			r.write(work+"/DEBIAN/conffiles", "/etc/"+p.name+".conf\n")
		}
		if p.then != "" {
			r.write(work+"/DEBIAN/postinst", "#!/bin/sh\n"+p.then+"\n")
			actiontest.OK(r.t, os.Chmod(work+"/DEBIAN/postinst", 0o755))
		}
		runs(r.t, "dpkg-deb", "--build", "-Znone", "--root-owner-group", work, r.file(p))
	case "pacman":
		r.write(r.file(p), r.archive(p))
	default:
		version, release, _ := strings.Cut(p.version, "-")
		spec := fmt.Sprintf("Name: %s\nVersion: %s\nRelease: %s\nSummary: none\nLicense: none\nBuildArch: noarch\nAutoReqProv: no\n", p.name, version, release)
		if p.needs != "" {
			spec += "Requires: " + p.needs + "\n"
		}
		spec += fmt.Sprintf("%%description\nnone\n%%install\nmkdir -p %%{buildroot}/usr/share\necho %s >%%{buildroot}/usr/share/%s\n", p.version, p.name)
		if p.then != "" {
			spec += "%post -p <lua>\nos.execute([[" + p.then + "]])\n"
		}
		r.write(work+"/it.spec", spec+"%files\n/usr/share/"+p.name+"\n")
		runs(r.t, "rpmbuild", "-bb", "--quiet", "--define", "_topdir "+work, "--define", "_rpmdir "+r.dir, work+"/it.spec")
	}
}

// archive is a package of pacman.
func (r *repository) archive(p tiny) string {
	info := fmt.Sprintf("pkgname = %s\npkgbase = %s\npkgver = %s\npkgdesc = none\nbuilddate = 1\nsize = 8\narch = any\n", p.name, p.name, p.version)
	if p.needs != "" {
		info += "depend = " + p.needs + "\n"
	}
	return archive(r.t, map[string]string{".PKGINFO": info, "usr/share/" + p.name: p.version + "\n"})
}

func archive(t testing.TB, files map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	to := tar.NewWriter(packed)
	paths := []string{}
	for path := range files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		actiontest.OK(t, to.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(files[path])), Typeflag: tar.TypeReg}))
		_, err := to.Write([]byte(files[path]))
		actiontest.OK(t, err)
	}
	actiontest.OK(t, to.Close())
	actiontest.OK(t, packed.Close())
	return out.String()
}

// database is the index of a repository of pacman, which has one version of each package.
func (r *repository) database() {
	r.t.Helper()
	newest := map[string]tiny{}
	for _, p := range r.have {
		newest[p.name] = p
	}
	files := map[string]string{}
	for _, p := range newest {
		data, err := os.ReadFile(r.file(p))
		actiontest.OK(r.t, err)
		desc := fmt.Sprintf("%%FILENAME%%\n%s\n\n%%NAME%%\n%s\n\n%%VERSION%%\n%s\n\n%%CSIZE%%\n%d\n\n%%ARCH%%\nany\n\n%%SHA256SUM%%\n%x\n\n",
			filepath.Base(r.file(p)), p.name, p.version, len(data), sha256.Sum256(data))
		if p.needs != "" {
			desc += "%DEPENDS%\n" + p.needs + "\n\n"
		}
		files[p.name+"-"+p.version+"/desc"] = desc
	}
	r.write(r.dir+"/tiny.db", archive(r.t, files))
	at := time.Now().Add(time.Duration(len(r.have)) * time.Minute) // it is fetched again only if it is newer
	actiontest.OK(r.t, os.Chtimes(r.dir+"/tiny.db", at, at))
}

// clean removes all tiny packages, by the means below the manager's.
func (r *repository) clean() {
	r.t.Helper()
	switch r.kind {
	case "apt":
		runs(r.t, "sh", "-c", `names=$(dpkg-query -W -f '${Package} ' 'runner-*' 2>/dev/null) || true; [ -z "$names" ] || dpkg --purge --force-all $names`)
	case "pacman":
		runs(r.t, "sh", "-c", `names=$(pacman -Qq) || true; [ -z "$names" ] || pacman -Rdd --noconfirm $names`)
	default:
		runs(r.t, "sh", "-c", `names=$(rpm -qa 'runner-*'); [ -z "$names" ] || rpm -e --nodeps $names`)
	}
}

// put installs packages by the means below the manager's, as somebody else would have.
func (r *repository) put(all ...tiny) {
	r.t.Helper()
	for _, p := range all {
		switch r.kind {
		case "apt":
			runs(r.t, "dpkg", "--install", "--force-downgrade", r.file(p))
		case "pacman":
			runs(r.t, "pacman", "-Udd", "--noconfirm", r.file(p))
		default:
			runs(r.t, "rpm", "-U", "--nodeps", "--oldpackage", "--replacepkgs", r.file(p))
		}
	}
}

// installed is what is there of the tiny packages, name=version, sorted.
func (r *repository) installed() string {
	r.t.Helper()
	argv := []string{"rpm", "-qa", "--qf", "%{NAME}=%{VERSION}-%{RELEASE}\n", "runner-*"}
	switch r.kind {
	case "apt":
		argv = []string{"sh", "-c", `dpkg-query -W -f '${db:Status-Abbrev}${Package}=${Version}\n' 'runner-*' 2>/dev/null | sed -n 's/^i[^n] *//p'`}
	case "pacman":
		argv = []string{"sh", "-c", `pacman -Q | tr " " "="`}
	}
	lines := strings.Fields(runs(r.t, argv...))
	slices.Sort(lines)
	return strings.Join(lines, " ")
}
