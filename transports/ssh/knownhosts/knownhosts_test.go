package knownhosts

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func newKey(t testing.TB) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

func write(t testing.TB, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// G8: for every form of a line, the lines found for a name are those that ssh-keygen -F finds.
func TestG8SameLinesAsOpenSSH(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("needs ssh-keygen")
	}
	_, key := newKey(t)
	hashed := func(name string) string {
		sum := hash(name, []byte("saltsaltsaltsaltsalt"))
		return fmt.Sprintf("|1|%s|%s", "c2FsdHNhbHRzYWx0c2FsdHNhbHQ=", encode(sum[:]))
	}
	path := write(t,
		"# comment",
		"",
		"plain "+key+" comment with words",
		"Upper.Example.NET "+key,
		"a.example.net,b.example.net,10.0.0.1 "+key,
		"*.wild.net,!no.wild.net "+key,
		"?.one.net "+key,
		"[ported]:2222 "+key,
		"[*.ported.net]:2222 "+key,
		"::1 "+key,
		"[::1]:2222 "+key,
		hashed("secret.example.net")+" "+key,
		hashed("[secret.example.net]:2222")+" "+key,
		"@cert-authority *.authority.net "+key,
		"@revoked *.revoked.net "+key,
		"@cert-authority,@revoked both.net "+key,
		"  indented\t"+key,
		"* "+key,
		"broken ssh-ed25519 AAAA", // that these two are of no use ssh-keygen only sees when it looks for a key
		"wrong.type ssh-rsa "+strings.Fields(key)[1],
		"no.key",
		"|2|x|y "+key,
		"last.without.end "+key,
	)
	names := []string{
		"plain", "PLAIN", "upper.example.net", "a.example.net", "10.0.0.1", "x.wild.net", "no.wild.net", "wild.net",
		"a.one.net", "ab.one.net", "[ported]:2222", "ported", "[x.ported.net]:2222", "::1", "[::1]:2222",
		"secret.example.net", "[secret.example.net]:2222", "[secret.example.net]:2223", "x.authority.net",
		"x.revoked.net", "both.net", "indented", "anything", "no.key", "last.without.end",
	}
	line := regexp.MustCompile(`(?m)^# Host .* found: line (\d+)`)
	for _, name := range names {
		out, _ := exec.Command("ssh-keygen", "-F", name, "-f", path).Output() // it fails where nothing is found
		var want []string
		for _, match := range line.FindAllSubmatch(out, -1) {
			want = append(want, string(match[1]))
		}
		known, err := Find([]string{path}, strings.ToLower(name))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range known {
			got = append(got, fmt.Sprint(e.Line))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: found on lines %v, OpenSSH finds %v", name, got, want)
		}
	}
}

func encode(sum []byte) string {
	var out bytes.Buffer
	// What is tested must not encode what it is tested with.
	cmd := exec.Command("base64", "-w0")
	cmd.Stdin, cmd.Stdout = bytes.NewReader(sum), &out
	_ = cmd.Run()
	return out.String()
}

// G9: what is known about a key, whatever the order of the lines.
func TestG9Check(t *testing.T) {
	a, lineA := newKey(t)
	b, lineB := newKey(t)
	for _, c := range []struct {
		name  string
		lines []string
		key   ssh.Signer
		want  Status
		line  int
	}{
		{"empty", nil, a, Unknown, 0},
		{"known", []string{"h " + lineA}, a, Trusted, 1},
		{"changed", []string{"h " + lineA}, b, Changed, 1},
		{"one of two", []string{"h " + lineA, "h " + lineB}, b, Trusted, 2},
		{"revoked first", []string{"@revoked h " + lineA, "h " + lineA}, a, Revoked, 1},
		{"revoked last", []string{"h " + lineA, "@revoked h " + lineA}, a, Revoked, 2},
		{"another revoked", []string{"@revoked h " + lineA}, b, Unknown, 0},
		{"an authority is no host", []string{"@cert-authority h " + lineA}, a, Unknown, 0},
		{"an authority contradicts nothing", []string{"@cert-authority h " + lineA}, b, Unknown, 0},
		{"another host", []string{"other " + lineA}, a, Unknown, 0},
	} {
		known, err := Find([]string{"/does/not/exist", write(t, c.lines...)}, "h")
		if err != nil {
			t.Fatal(err)
		}
		if status, e := known.Check(c.key.PublicKey()); status != c.want || e.Line != c.line {
			t.Errorf("%s: got %v from line %d, want %v from line %d", c.name, status, e.Line, c.want, c.line)
		}
	}
	if _, err := Find([]string{t.TempDir()}, "h"); err == nil {
		t.Error("a directory was read")
	}
}

// G9: host certificates hold for their principals, their time and their authority only.
func TestG9Certificates(t *testing.T) {
	authority, line := newKey(t)
	other, _ := newKey(t)
	host, hostLine := newKey(t)
	now := uint64(time.Now().Unix())
	for _, c := range []struct {
		name   string
		lines  []string
		change func(*ssh.Certificate)
		signer ssh.Signer
		want   Status
	}{
		{"good", nil, nil, authority, Trusted},
		{"wildcard principal", nil, func(c *ssh.Certificate) { c.ValidPrincipals = []string{"x", "*.example.net"} }, authority, Trusted},
		{"other principal", nil, func(c *ssh.Certificate) { c.ValidPrincipals = []string{"other"} }, authority, Unknown},
		{"user certificate", nil, func(c *ssh.Certificate) { c.CertType = ssh.UserCert }, authority, Unknown},
		{"expired", nil, func(c *ssh.Certificate) { c.ValidBefore = now - 10 }, authority, Unknown},
		{"not yet", nil, func(c *ssh.Certificate) { c.ValidAfter = now + 1000 }, authority, Unknown},
		{"critical option", nil, func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"x": "y"} }, authority, Unknown},
		{"other authority", nil, nil, other, Unknown},
		{"revoked authority", []string{"@revoked * " + line}, nil, authority, Revoked},
		{"revoked key", []string{"@revoked * " + hostLine}, nil, authority, Revoked},
	} {
		t.Run(c.name, func(t *testing.T) {
			cert := &ssh.Certificate{
				Key: host.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{"web.example.net"},
				ValidAfter: now - 100, ValidBefore: now + 100,
			}
			if c.change != nil {
				c.change(cert)
			}
			if err := cert.SignCert(rand.Reader, c.signer); err != nil {
				t.Fatal(err)
			}
			known, err := Find([]string{write(t, append(c.lines, "@cert-authority *.example.net "+line)...)}, "web.example.net")
			if err != nil {
				t.Fatal(err)
			}
			status, _, err := known.CheckCertificate(cert, "web.example.net")
			if status != c.want || (status == Unknown) != (err != nil) {
				t.Errorf("got %v, %v, want %v", status, err, c.want)
			}
		})
	}
	forged := &ssh.Certificate{Key: host.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{"web.example.net"}, ValidBefore: ssh.CertTimeInfinity}
	if err := forged.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	forged.ValidPrincipals = []string{"bank.example.net"}
	known, _ := Find([]string{write(t, "@cert-authority * "+line)}, "bank.example.net")
	if status, _, err := known.CheckCertificate(forged, "bank.example.net"); status != Unknown || err == nil {
		t.Errorf("a forged certificate gives %v, %v", status, err)
	}
}

// G9: many runs that meet a new host at once record its key once, whole, below a directory that nobody else reads.
func TestG9AppendAtOnce(t *testing.T) {
	key, line := newKey(t)
	dir := filepath.Join(t.TempDir(), "home", ".ssh")
	file := filepath.Join(dir, "known_hosts")
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			status, _, err := Append(file, fmt.Sprintf("host%d", i%4), key.PublicKey(), i%4 == 0)
			if err != nil || status != Trusted {
				t.Errorf("got %v, %v", status, err)
			}
		})
	}
	all.Wait()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), line+"\n"); n != 4 || strings.Count(string(text), "\n") != 4 {
		t.Errorf("recorded %d times:\n%s", n, text)
	}
	if strings.Contains(string(text), "host0") || !strings.Contains(string(text), "|1|") {
		t.Errorf("a name that was to be hashed is not:\n%s", text)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o700, file: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	for i := range 4 {
		known, err := Find([]string{file}, fmt.Sprintf("host%d", i))
		if status, _ := known.Check(key.PublicKey()); status != Trusted || err != nil {
			t.Errorf("host%d is %v, %v", i, status, err)
		}
	}
	other, _ := newKey(t)
	if status, entry, err := Append(file, "host0", other.PublicKey(), false); status != Changed || entry.Line == 0 || err != nil {
		t.Errorf("a second key gives %v, %v", status, err)
	}
}

// A last line without its end is ended, not continued.
func TestAppendToOpenLine(t *testing.T) {
	key, line := newKey(t)
	file := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(file, []byte("a "+line), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Append(file, "b", key.PublicKey(), false); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(file); string(text) != "a "+line+"\nb "+line+"\n" {
		t.Errorf("got %q", text)
	}
}

// A line that is too long to be one costs nothing but itself.
func TestLongLine(t *testing.T) {
	_, line := newKey(t)
	file := write(t, "h "+strings.Repeat("x", 3*maxLine), "h "+line)
	known, err := Find([]string{file}, "h")
	if err != nil || len(known) != 1 || known[0].Line != 2 {
		t.Errorf("got %v, %v", known, err)
	}
}

// Whatever the line, a key that is found for a name stands in that line as it is.
func FuzzParse(f *testing.F) {
	_, key := newKey(f)
	for _, seed := range []string{"h " + key, "@revoked h,!x " + key, "|1|a|b " + key, "[h]:22 " + key, "@", "*,", ",!,h " + key} {
		f.Add([]byte(seed), "h")
	}
	f.Fuzz(func(t *testing.T, line []byte, name string) {
		entry, ok := parse(line, name)
		if !ok {
			return
		}
		written := strings.Fields(string(ssh.MarshalAuthorizedKey(entry.Key)))
		if !bytes.Contains(line, []byte(written[0])) {
			t.Errorf("%q holds no key of type %s", line, written[0])
		}
		if (entry.Revoked || entry.Authority) != (bytes.TrimLeft(line, " \t\r\n")[0] == '@') {
			t.Errorf("%q: the marker was overlooked", line)
		}
	})
}

// What cannot be written is not said to be unreadable.
func TestAppendFails(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	key, _ := newKey(t)
	for file, want := range map[string]string{filepath.Join(dir, "file", "x"): "not a directory", dir: "is a directory"} {
		_, _, err := Append(file, "a", key.PublicKey(), false)
		if want = fmt.Sprintf("cannot record the host key in %q: %s", file, want); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
