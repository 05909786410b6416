package packages

import (
	"strings"

	"runner/agent/action"
)

// manager is a package manager, as far as one differs from another: what it is called with and what it answers. The
// command lines are words with blanks between them; names come behind them.
type manager struct {
	name    string
	program string // of which the rest are arguments; that it is there tells that the manager is
	always  string // its arguments in any case
	act     how    // to do it
	try     how    // to tell what would be done: nothing is changed, nor fetched
	fetch   how    // to have on the disk what an installation needs; nothing: it cannot do that
	install string
	latest  string // to install, and to upgrade what is older
	files   string // to install files; "": install takes them
	remove  string
	purge   string // to remove with configuration files; "": as remove
	pinned  string // what a version needs beside it
	lean    string // to leave out what is only recommended
	rich    string // to bring it along
	refresh string // to get the index of what there is
	joint   string // stands between a name and a version
	revised bool   // a version may be given without the revision behind its last "-", and without the epoch
	query   string // prints what is installed of names, in lines that rows can read
	inspect string // prints the same of a file; "": only the manager knows
	// versions prints the versions that there are of a name, one a line, in the second of its fields, which stand between "|"; "": it is not asked.
	versions string
	parse    func(printed string) []step
	silent   bool   // what it prints of a step does not say which version was there
	config   string // how the paths begin at which it is said where packages come from
	index    string // the directory of the index
	stamps   string // a pattern of what is in there whose time is that of the last refresh; "": of the directory itself
	one      string // to get the index of one repository, of NAME and FILE
	// repositories is the directory of the files that say where packages come from, whose names end in extension.
	repositories, extension string
	indexed                 string // a pattern of what is in there when there is an index
}

// how are arguments before and behind the verb.
type how struct{ before, behind string }

// nothing says whether there is no such way.
func (h how) nothing() bool { return h == how{} }

const (
	aptKeep  = " -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold"
	rpmQuery = "rpm -q --qf %{NAME}=%{EVR}=ii=%{ARCH}\\n"
)

// managers lists those that are known, in the order in which they are looked for: where there are two, the first is the
// machine's own.
func managers() []manager {
	dnf := manager{
		name: "dnf", program: "dnf", always: "--setopt=exit_on_lock=True",
		act: how{before: "-y"}, try: how{before: "-C --assumeno"}, fetch: how{before: "-y", behind: "--downloadonly"},
		install: "install", latest: "install --best", remove: "remove",
		lean: "--setopt=install_weak_deps=False", rich: "--setopt=install_weak_deps=True",
		refresh: "dnf -q makecache --refresh", joint: "-", revised: true,
		query: rpmQuery, inspect: rpmQuery + " -p", parse: parseRows, silent: true,
		config: "/etc/yum", index: "/var/cache/dnf", indexed: "*.solv", stamps: "*.solv",
		one: "dnf -q -y makecache --refresh --disablerepo=* --enablerepo=NAME --setopt=NAME.skip_if_unavailable=False", repositories: "/etc/yum.repos.d", extension: ".repo",
	}
	yum := dnf
	yum.name, yum.program, yum.always, yum.fetch, yum.latest, yum.lean, yum.rich = "yum", "yum", "--setopt=exit_on_lock=1", how{}, "install", "", ""
	yum.one = "yum -q -y makecache fast --disablerepo=* --enablerepo=NAME --setopt=NAME.skip_if_unavailable=0"
	yum.refresh, yum.index, yum.indexed, yum.stamps = "yum -q makecache fast", "/var/cache/yum", "*", ""
	return []manager{
		{
			name: "apt", program: "apt-get", always: "-y -q" + aptKeep,
			// The cache of what is installed and what there is together would be written anew by a look.
			try: how{before: "-s -o Dir::Cache::pkgcache="}, fetch: how{before: "-d"},
			install: "install", latest: "install", remove: "remove", purge: "purge", pinned: "--allow-downgrades",
			lean: "--no-install-recommends", rich: "--install-recommends", refresh: "apt-get -q update", joint: "=",
			versions: "apt-cache madison",
			query:    "dpkg-query -W -f=${Package}=${Version}=${db:Status-Abbrev}=${Architecture}\\n",
			inspect:  "dpkg-deb -W --showformat=${Package}=${Version}=ii=${Architecture}\\n",
			parse:    parseApt, config: "/etc/apt", index: "/var/lib/apt/lists", indexed: "*_*", stamps: "partial",
			one:          "apt-get -q update -o Dir::Etc::SourceList=FILE -o Dir::Etc::SourceParts=- -o APT::Get::List-Cleanup=0 -o APT::Update::Error-Mode=any",
			repositories: "/etc/apt/sources.list.d", extension: ".sources",
		},
		dnf, yum,
		{
			name: "zypper", program: "zypper", always: "-n --no-refresh",
			try: how{before: "-q --xmlout", behind: "--dry-run"}, fetch: how{behind: "--download-only"},
			install: "install --auto-agree-with-licenses", latest: "install --auto-agree-with-licenses",
			files: "install --auto-agree-with-licenses --allow-unsigned-rpm", remove: "remove", pinned: "--oldpackage",
			lean: "--no-recommends", rich: "--recommends", refresh: "zypper -n -q refresh", joint: "=", revised: true,
			query: rpmQuery, inspect: rpmQuery + " -p", parse: parseXML,
			config: "/etc/zypp", index: "/var/cache/zypp/solv", indexed: "[^@]*", stamps: "[^@]*",
			one: "zypper -n -q --gpg-auto-import-keys refresh NAME", repositories: "/etc/zypp/repos.d", extension: ".repo",
		},
		{
			name: "apk", program: "apk", try: how{behind: "-s"},
			install: "add", latest: "add -u", remove: "del", purge: "del --purge", refresh: "apk update", joint: "=", revised: true,
			query: "apk info -ev", parse: parseApk, config: "/etc/apk", index: "/var/cache/apk", indexed: "APKINDEX*",
		},
		{
			name: "pacman", program: "pacman", act: how{behind: "--noconfirm"},
			try: how{behind: "--print-format %n=%v"}, fetch: how{behind: "--noconfirm -w"},
			install: "-S --needed", latest: "-S --needed", files: "-U --needed", remove: "-Rc", purge: "-Rcn",
			refresh: "pacman -Sy --noconfirm", joint: "=", revised: true,
			query: "pacman -Q", inspect: "pacman -Qp", parse: parsePairs, silent: true, config: "/etc/pacman", index: "/var/lib/pacman/sync", indexed: "*.db",
		},
		{
			name: "pkg", program: "pkg", act: how{behind: "-y"}, try: how{behind: "-n"},
			install: "install -U", latest: "install -U", remove: "delete", refresh: "pkg update", joint: "-",
			query: "pkg query %n=%v", parse: parsePkg, config: "/usr/local/etc/pkg", index: "/var/db/pkg", indexed: "repo*",
		},
	}
}

// find returns the manager of a name, or the one that the target has.
func find(env *action.Env, name string) (*manager, error) {
	var known []string
	for _, m := range managers() {
		known = append(known, m.name)
		if name != m.name && (name != "" || !env.View.Program(m.program, env.Dir, env.Environ)) {
			continue
		}
		return &m, nil
	}
	return nil, action.Problem("", "no package manager is here that runner knows: none of %s", strings.Join(known, ", "))
}

// argv is a command line of the manager.
func (m *manager) argv(h how, verb string, names []string) []string {
	words := strings.Fields(m.program + " " + m.always + " " + h.before + " " + verb + " " + h.behind + " --")
	return append(words, names...)
}
