package config

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// G8: for every file of the corpus and every host it names, the values are those that ssh -G prints.
func TestG8SameAsOpenSSH(t *testing.T) {
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("needs OpenSSH's client")
	}
	files, err := filepath.Glob("testdata/*.conf")
	if err != nil || len(files) < 5 {
		t.Fatalf("the corpus is not there: %v, %v", files, err)
	}
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		hosts := strings.Fields(strings.TrimPrefix(first, "# hosts:"))
		if len(hosts) == 0 || hosts[0] == first {
			t.Fatalf("%s does not begin with the hosts to ask for", path)
		}
		copied := filepath.Join(t.TempDir(), filepath.Base(path))
		if err := os.WriteFile(copied, []byte(strings.ReplaceAll(string(text), "{{DIR}}", dir)), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, host := range hosts {
			t.Run(filepath.Base(path)+"/"+host, func(t *testing.T) { compare(t, copied, host) })
		}
	}
}

// G8: the same for configurations made up at random, from a seed that is printed.
func TestG8RandomSameAsOpenSSH(t *testing.T) {
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("needs OpenSSH's client")
	}
	random := rand.New(rand.NewPCG(7, 18))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	hosts := []string{"a", "b", "a.net", "b.net"}
	patterns := []string{"a", "b", "*", "?", "*.net", "a*", "!a", "!*.net", "B", "a.net,b"}
	criterion := func() string {
		switch random.IntN(6) {
		case 0:
			return pick("", "!") + "user " + pick("root", "u", "*,!u", "x")
		case 1:
			return pick("", "!") + "localuser " + pick("root", "x*")
		case 2:
			return pick("", "!") + "originalhost " + pick(patterns...)
		case 3:
			return pick("", "!") + pick("final", "canonical")
		default:
			return pick("", "!") + "host " + pick(patterns...)
		}
	}
	for i := range 60 {
		var lines []string
		for range 3 + random.IntN(15) {
			switch random.IntN(5) {
			case 0:
				lines = append(lines, "Host "+pick(patterns...)+" "+pick(patterns...))
			case 1:
				lines = append(lines, "Match "+criterion()+" "+criterion())
			case 2:
				lines = append(lines, pick("Match all", "Match final all", "Match canonical all", "Host *"))
			default:
				lines = append(lines, pick("HostName %h.net", "HostName a", "User u", "User x", "Port 1", "Port 2",
					"IdentityFile /1", "IdentityFile /2", "IdentityFile /3", "CertificateFile /4", "ProxyJump j", "ProxyJump none", "ProxyCommand c %h",
					"ProxyCommand none", "HostKeyAlias k", "ConnectTimeout 3", "UserKnownHostsFile /5 /6", "StrictHostKeyChecking no"))
			}
		}
		text := strings.Join(lines, "\n") + "\n"
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprint(i), func(t *testing.T) { compare(t, path, pick("", "", "u@", "x@")+pick(hosts...)) })
		if t.Failed() {
			t.Fatal(text)
		}
	}
}

func compare(t *testing.T, path, login string) {
	user, host, named := strings.Cut(login, "@")
	if !named {
		user, host = "", login
	}
	want, usual := printed(t, path, user, host), printed(t, "/dev/null", user, host)
	file, err := Load(fromDisk, path, "/root/.ssh", "/root")
	if err != nil {
		t.Fatal(err)
	}
	values, err := Resolve([]*File{file}, Query{Host: host, User: user, LocalUser: whoami(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, keyword := range []string{
		"hostname", "port", "user", "identityfile", "certificatefile", "identitiesonly", "connecttimeout",
		"serveraliveinterval", "serveralivecountmax", "stricthostkeychecking", "hashknownhosts", "proxyjump",
		"proxycommand", "hostkeyalias", "userknownhostsfile", "globalknownhostsfile", "addressfamily",
	} {
		got := normal(keyword, host, values)
		if got == nil || keyword == "user" && user != "" {
			got = usual[keyword]
		}
		if !slices.Equal(got, want[keyword]) {
			t.Errorf("%s is %q, OpenSSH has %q", keyword, got, want[keyword])
		}
	}
}

// normal writes values as ssh -G does.
func normal(keyword, host string, values Values) []string {
	list := values[keyword]
	if len(list) == 0 {
		return nil
	}
	if strings.HasPrefix(keyword, "proxy") && list[0] == "none" {
		return nil
	}
	switch keyword {
	case "hostname":
		return []string{strings.ToLower(ExpandTokens(list[0], map[byte]string{'h': host}))}
	case "stricthostkeychecking":
		return []string{map[string]string{"yes": "true", "no": "false"}[list[0]] + strings.Trim(list[0], "yesno")}
	case "connecttimeout":
		return []string{strings.ReplaceAll(list[0], "1m30s", "90")}
	case "userknownhostsfile", "globalknownhostsfile", "proxycommand":
		return []string{strings.Join(list, " ")}
	case "proxyjump":
		// It prints a URL as it prints the rest: without the scheme.
		return []string{strings.TrimPrefix(list[0], "ssh://")}
	}
	return list
}

// printed is what ssh -G prints, by keyword.
func printed(t *testing.T, path, user, host string) map[string][]string {
	t.Helper()
	args := []string{"-F", path, "-G"}
	if user != "" {
		args = append(args, "-l", user)
	}
	out, err := exec.Command("ssh", append(args, "--", host)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ssh -G: %v\n%s", err, out)
	}
	values := map[string][]string{}
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	for lines.Scan() {
		keyword, value, _ := strings.Cut(lines.Text(), " ")
		values[keyword] = append(values[keyword], value)
	}
	return values
}

func whoami(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("id", "-un").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func load(t *testing.T, text string) (*File, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(fromDisk, path, filepath.Dir(path), filepath.Dir(path))
}

// G2: what depends on a condition that we do not evaluate is never guessed; where nothing depends on it, it does no harm.
func TestG2MatchExec(t *testing.T) {
	for _, c := range []struct {
		name, text string
		keyword    string // that cannot be told; "": all can
	}{
		{"nothing set", "Match host a exec \"gpg-connect-agent\"\nHost *\nPort 5", ""},
		{"another host", "Match host b exec true\nPort 6\nHost *\nPort 5", ""},
		{"set before", "Port 5\nMatch exec true\nPort 6", ""},
		{"of no interest", "Match exec true\nForwardAgent yes\nMatch all\nPort 5", ""},
		{"route", "Match exec \"on vpn\"\nProxyJump bastion", "proxyjump"},
		{"identity adds up", "IdentityFile a\nMatch exec true\nIdentityFile b", "identityfile"},
		{"unknown criterion", "Match localnetwork 10.0.0.0/8\nUser me", "user"},
		{"in an include that never counts", "Match host a exec true host b\nPort 6\nMatch all\nPort 5", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, err := load(t, c.text)
			if err != nil {
				t.Fatal(err)
			}
			values, err := Resolve([]*File{file}, Query{Host: "a", LocalUser: "me"})
			var undecided *UndecidedError
			switch {
			case c.keyword != "" && (!errors.As(err, &undecided) || undecided.Keyword != c.keyword):
				t.Fatalf("got %v, %v", values, err)
			case c.keyword == "" && (err != nil || values.Get("port") != "5"):
				t.Fatalf("got %v, %v", values, err)
			}
		})
	}
}

func TestSyntaxErrorsHaveAPlace(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"Host a\nPort", "config:2: port has no argument"},
		{"User \"open", "config:1: a quote is not closed"},
		{"\n\nMatch all host b\n", "config:3: \"all\" cannot stand with other criteria"},
		{"Match host\n", "config:1: the criterion \"host\" has no argument"},
		{"Include config", "files include one another too deeply"},
	} {
		file, err := load(t, c.text)
		if err == nil {
			_, err = Resolve([]*File{file}, Query{Host: "a"})
		}
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
}

// Whatever the text, parsing neither crashes nor makes up a keyword that is not in it.
func FuzzParse(f *testing.F) {
	for _, path := range []string{"basics", "match", "quoting", "jump"} {
		text, err := os.ReadFile(filepath.Join("testdata", path+".conf"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("Host * !\nMatch =\nUser=\\")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := new(loader).parse("fuzz", strings.ReplaceAll(strings.ToLower(text), "include", "ignored"), 0)
		if err != nil {
			return
		}
		values, err := Resolve([]*File{file}, Query{Host: "host", LocalUser: "me"})
		if err != nil {
			return
		}
		for keyword := range values {
			if !strings.Contains(strings.ToLower(text), keyword) {
				t.Errorf("%q is not in %q", keyword, text)
			}
		}
	})
}

// G8: an option that OpenSSH has not is an error wherever it stands, as it is for ssh -G, unless an IgnoreUnknown before
// it lets it pass.
func TestG8UnknownOptions(t *testing.T) {
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("needs OpenSSH's client")
	}
	for text, line := range map[string]int{
		"Port 22\nProt 23\n":                         2,
		"Host other\n  Prot 23\n":                    2,
		"IgnoreUnknown P*\nProt 23\nPort 1\n":        0,
		"Prot 23\nIgnoreUnknown Prot\n":              1,
		"Host b\nIgnoreUnknown P*\nHost a\nProt 2\n": 4,
		"SendEnv LANG\nCompression yes\n":            0,
	} {
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := Load(fromDisk, path, "/root/.ssh", "/root")
		if err != nil {
			t.Fatal(err)
		}
		_, err = Resolve([]*File{file}, Query{Host: "a"})
		refused := exec.CommandContext(t.Context(), "ssh", "-G", "-F", path, "a").Run() != nil
		wrong, is := errors.AsType[*SyntaxError](err)
		if refused != (line > 0) || is != (line > 0) || is && wrong.Place != fmt.Sprintf("%s:%d", path, line) {
			t.Errorf("%q: %v, refused by OpenSSH: %v", text, err, refused)
		}
	}
}

func fromDisk(path string) (fs.File, error) { return os.Open(path) }
