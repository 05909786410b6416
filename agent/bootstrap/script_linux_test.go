package bootstrap

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/wire"
)

// TestScriptIsForEveryShell: nothing in it means anything in single quotes, to any shell.
func TestScriptIsForEveryShell(t *testing.T) {
	for _, c := range []string{"'", "!", `\`, "\n", "\x00", "^", "  "} {
		if strings.Contains(script, c) {
			t.Errorf("the script holds %q", c)
		}
	}
}

// The test binary plays the agent: "ok" is answered with success, and "serve" with the magic and the arguments.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "ok" {
		fmt.Println("ok")
		os.Exit(0)
	}
	if len(os.Args) > 2 && os.Args[1] == "serve" {
		own := NewOwn()
		if err := Renew(own, os.Args[2], os.Args[3], os.Args[4], os.Args[5:]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		self, _ := os.Executable()
		_, _ = os.Stdout.Write(wire.Magic(os.Args[2]))
		fmt.Println(self)
		fmt.Println(strings.Join(os.Args[4:], ","))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// binaries is a source of what it holds.
type binaries []Binary

func (b binaries) Agents() []Binary { return b }

// source has the test binary, and says how often it was asked for it, and how.
type source struct {
	binaries
	plain, packed int
}

func newSource(t *testing.T) *source {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	return sourceOf(data)
}

func sourceOf(data []byte) *source {
	sum := sha256.Sum256(data)
	s := &source{}
	s.binaries = binaries{{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Hash: hex.EncodeToString(sum[:]), Size: int64(len(data)),
		Open: func() (io.ReadCloser, error) {
			s.plain++
			return io.NopCloser(bytes.NewReader(data)), nil
		},
		Gzip: func() (io.ReadCloser, int64, error) {
			s.packed++
			var b bytes.Buffer
			w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
			_, _ = w.Write(data)
			_ = w.Close()
			return io.NopCloser(&b), int64(b.Len()), nil
		},
	}}
	return s
}

const nonce = "0123456789abcdef0123456789abcdef"

// prompt has an agent with the race detector in it end without waiting a second.
const prompt = "GORACE=atexit_sleep_ms=0"

// stage is where a script runs.
type stage struct {
	argv []string // before the script's own, or instead of them when command is set
	env  []string
	text bool // the script comes as one word for a login shell
}

// landed is what came of it.
type landed struct {
	self string // path of the agent
	args string // after the list
}

func (s stage) run(t *testing.T, src Source) (landed, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	argv := append(slices.Clip(s.argv), Argv(nonce, src, "A=1", "A")...)
	if s.text {
		argv = append(slices.Clip(s.argv), Command(nonce, src))
	}
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), prompt}, s.env...)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait() //nolint:errcheck // what it printed tells
	defer in.Close()
	defer cancel() // whoever prints more than is read would not end
	r := bufio.NewReader(out)
	if err := Handshake(ctx, r, in, nonce, src); err != nil {
		return landed{}, err
	}
	rest, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(rest), "\n")
	if len(lines) < 2 {
		t.Fatalf("the agent printed %q", rest)
	}
	return landed{lines[0], lines[1]}, nil
}

// TestG10LoginShells: under every shell the agent is stored the first time and used the second time.
func TestG10LoginShells(t *testing.T) {
	for name, argv := range shells(t) {
		t.Run(name, func(t *testing.T) {
			src, home := newSource(t), t.TempDir()
			s := stage{argv: argv, env: []string{"HOME=" + home}, text: true}
			want := filepath.Join(home, ".cache/runner/agent-"+ShortHash(src.Agents()[0].Hash))
			for i, mode := range []string{"new", "cached"} {
				got, err := s.run(t, src)
				if err != nil || got.self != want || got.args != mode {
					t.Fatalf("time %d: %+v, %v; want %s, %s", i, got, err, want, mode)
				}
			}
			if src.plain != 0 || src.packed != 1 {
				t.Errorf("it was sent %d times plain and %d times packed", src.plain, src.packed)
			}
			info, err := os.Stat(filepath.Dir(want))
			if err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the directory is %v, %v", info.Mode(), err)
			}
			if names, err := os.ReadDir(filepath.Dir(want)); err != nil || len(names) != 1 {
				t.Errorf("the directory holds %v, %v", names, err)
			}
		})
	}
}

// TestRuns under other implementations of sh than the system's.
func TestOtherShells(t *testing.T) {
	for _, argv := range [][]string{{"bash", "--posix"}, {"dash"}, {"busybox", "sh"}, {"zsh", "--emulate", "sh"}} {
		t.Run(argv[0], func(t *testing.T) {
			if _, err := exec.LookPath(argv[0]); err != nil {
				t.Skip("needs " + argv[0])
			}
			src, home := newSource(t), t.TempDir()
			words := Argv(nonce, src)[1:]
			// Take the place of /bin/sh.
			s := stage{argv: []string{"/bin/sh", "-c", `shift; exec ` + strings.Join(argv, " ") + ` "$@"`, "sh"}, env: []string{"HOME=" + home}}
			got, err := s.run(t, src)
			if err != nil || got.args != "new,A=1,A" {
				t.Errorf("%+v, %v (%d words)", got, err, len(words))
			}
		})
	}
}

func TestArgvExpanded(t *testing.T) {
	src, home := newSource(t), t.TempDir()
	words := ArgvExpanded(nonce, src)
	if strings.Contains(strings.Join(words, " "), "$") {
		t.Errorf("a dollar sign is left: %q", words)
	}
	// As sudo -i does it: everything but letters, digits, dashes, underscores and dollar signs gets a backslash.
	var line strings.Builder
	for i, w := range words {
		if i > 0 {
			line.WriteByte(' ')
		}
		for _, r := range w {
			if !strings.ContainsRune("-_$", r) && (r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z') {
				line.WriteByte('\\')
			}
			line.WriteRune(r)
		}
	}
	for name, argv := range shells(t) {
		c := exec.CommandContext(t.Context(), argv[0], append(argv[1:], line.String())...)
		c.Env = []string{"PATH=" + os.Getenv("PATH"), prompt, "HOME=" + home}
		c.Stdin = strings.NewReader("")
		out, err := c.CombinedOutput()
		if !bytes.Contains(out, needMark(nonce)) {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
}

// TestG41DamagedCopies: a cached copy that is not what it is called is replaced.
func TestG41DamagedCopies(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"empty":     func([]byte) []byte { return nil },
		"truncated": func(b []byte) []byte { return b[:len(b)/2] },
		"zeros":     func(b []byte) []byte { return make([]byte, len(b)) },
		"longer":    func(b []byte) []byte { return append(bytes.Clone(b), 0) },
		"a script":  func([]byte) []byte { return []byte("#!/bin/sh\nexit 1\n") },
	} {
		t.Run(name, func(t *testing.T) {
			src, home := newSource(t), t.TempDir()
			s := stage{env: []string{"HOME=" + home}}
			first, err := s.run(t, src)
			if err != nil {
				t.Fatal(err)
			}
			good, err := os.ReadFile(first.self)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(first.self, damage(good), 0o700); err != nil {
				t.Fatal(err)
			}
			got, err := s.run(t, src)
			if err != nil || got.self != first.self || !strings.HasPrefix(got.args, "new") {
				t.Fatalf("%+v, %v", got, err)
			}
			if now, err := os.ReadFile(first.self); err != nil || !bytes.Equal(now, good) {
				t.Errorf("the copy was not replaced: %v", err)
			}
		})
	}
}

// TestPlaces: the first directory that allows execution is used, whatever is wrong with the others.
func TestPlaces(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	mount := func(t *testing.T, dir, options string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		flags := uintptr(0)
		data := ""
		switch options {
		case "noexec":
			flags = unix.MS_NOEXEC
		case "full":
			data = "size=16k"
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", flags, data); err != nil {
			t.Skipf("needs to mount: %v", err)
		}
		t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
		if options == "read-only" {
			if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, options := range []string{"noexec", "read-only", "full"} {
		t.Run(options, func(t *testing.T) {
			src, home, run := newSource(t), t.TempDir(), t.TempDir()
			mount(t, home, options)
			s := stage{env: []string{"HOME=" + home, "XDG_RUNTIME_DIR=" + run}}
			got, err := s.run(t, src)
			if err != nil || !strings.HasPrefix(got.self, run+"/runner/agent-") {
				t.Errorf("%+v, %v", got, err)
			}
			if names, _ := filepath.Glob(home + "/.cache/runner/.new*"); names != nil {
				t.Errorf("%q is left", names)
			}
		})
	}
	t.Run("everywhere", func(t *testing.T) {
		src, home := newSource(t), t.TempDir()
		mount(t, home, "noexec")
		// A mount namespace of its own in which nothing can be executed from anywhere that can be written to.
		inside := "for d in /dev/shm /var/tmp /tmp; do mount -t tmpfs -o noexec none $d || exit 9; done; shift; exec \"$@\""
		s := stage{argv: []string{"unshare", "--mount", "/bin/sh", "-c", inside, "sh", "x"}, env: []string{"HOME=" + home}}
		_, err := s.run(t, src)
		var p *wire.Problem
		if !errors.As(err, &p) || p.Code != wire.CodeNoExec {
			t.Errorf("%v", err)
		}
		if src.packed+src.plain != 0 {
			t.Error("it was sent although there is no place for it")
		}
	})
	t.Run("others' homes", func(t *testing.T) {
		src, home, run := newSource(t), t.TempDir(), t.TempDir()
		if err := os.Chown(home, 65534, 65534); err != nil { // sudo without -H: HOME is somebody else's
			t.Fatal(err)
		}
		got, err := stage{env: []string{"HOME=" + home, "XDG_RUNTIME_DIR=" + run}}.run(t, src)
		if err != nil || !strings.HasPrefix(got.self, run) {
			t.Errorf("%+v, %v", got, err)
		}
		if names, _ := os.ReadDir(home); len(names) != 0 {
			t.Errorf("%v was put into it", names)
		}
	})
	t.Run("others' traps", func(t *testing.T) {
		src := newSource(t)
		// Somebody else was there before us: a directory of theirs, and a link to one of ours.
		inside := `mount -t tmpfs none /dev/shm; mount -t tmpfs none /var/tmp; mount -t tmpfs none /tmp; chmod 1777 /dev/shm /var/tmp /tmp; ` +
			`mkdir /dev/shm/.runner-0; chown 65534 /dev/shm/.runner-0; mkdir -m 755 /var/ours; ln -s /var/ours /var/tmp/.runner-0; shift; ` +
			`"$@"; stat -c %a /var/ours >&2; rmdir /var/ours`
		s := stage{argv: []string{"unshare", "--mount", "/bin/sh", "-c", inside, "sh", "x"}}
		got, err := s.run(t, src)
		if err != nil || !strings.HasPrefix(got.self, "/tmp/.runner-0/agent-") {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestG5Noise: banners that speak of passwords, our own words, NUL bytes and a lot of text are not mistaken for us.
func TestG5Noise(t *testing.T) {
	src := newSource(t)
	for name, c := range map[string]struct {
		before string
		want   wire.Code
	}{
		"banner": {`echo "Password:"; printf "runner-need %s x\n" wrong; printf "\0\377runner\0"; echo "runner-none $2"; `, ""},
		"echo":   {`echo "$@"; set -x; `, ""},
		"much":   {`head -c 60000 /dev/zero; `, ""},
		"more":   {`head -c 1000000 /dev/zero; `, wire.CodeNoise},
		"ends":   {`echo "This account is not available."; exit 1; `, wire.CodeEnded},
	} {
		t.Run(name, func(t *testing.T) {
			s := stage{argv: []string{"/bin/sh", "-c", c.before + `exec "$@" 2>/dev/null`, "sh"}, env: []string{"HOME=" + t.TempDir()}}
			_, err := s.run(t, src)
			var p *wire.Problem
			if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &p) || p.Code != c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if name == "ends" && (p == nil || !strings.Contains(p.Quote, "not available")) {
				t.Errorf("the last words are missing: %+v", p)
			}
		})
	}
}

func TestNoAgentForThePlatform(t *testing.T) {
	src := newSource(t)
	src.binaries[0].OS = "darwin"
	src.binaries[0].Arch = "arm64"
	_, err := stage{env: []string{"HOME=" + t.TempDir()}}.run(t, src)
	var p *wire.Problem
	if !errors.As(err, &p) || p.Code != wire.CodePlatform || !strings.Contains(p.Hint, "darwin/arm64") {
		t.Errorf("%+v", err)
	}
}

// TestWithoutGzip: the agent comes plain.
func TestWithoutGzip(t *testing.T) {
	src, bin := newSource(t), t.TempDir()
	for _, name := range []string{"sh", "uname", "id", "mkdir", "chmod", "head", "cat", "mv", "rm"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := stage{env: []string{"HOME=" + t.TempDir(), "PATH=" + bin}}.run(t, src)
	if err != nil || src.plain != 1 || src.packed != 0 {
		t.Errorf("%+v, %v; plain %d, packed %d", got, err, src.plain, src.packed)
	}
}

func TestTidy(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	put := func(name string, age time.Duration) {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, nil, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		put(fmt.Sprintf("agent-%d", i), time.Duration(i)*time.Hour)
	}
	put(".new-1", time.Minute)
	put(".new-2", 2*time.Hour)
	put("lanes", 1000*time.Hour)
	tidy(filepath.Join(dir, "agent-5"), now)
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range names {
		got = append(got, n.Name())
	}
	if want := ".new-1 agent-0 agent-1 agent-5 lanes"; strings.Join(got, " ") != want {
		t.Errorf("left are %s, want %s", strings.Join(got, " "), want)
	}
}

func TestRestore(t *testing.T) {
	pairs := Restore(map[string]string{"LC_ALL": "C", "B": "x"}, []string{"LC_ALL=de_DE", "PATH=/bin"})
	if want := "B=x B LC_ALL=C LC_ALL=de_DE"; strings.Join(pairs, " ") != want {
		t.Fatalf("pairs are %q, want %s", pairs, want)
	}
	t.Setenv("LC_ALL", "C") // it came through the hop
	t.Setenv("B", "own")    // it is the account's
	if err := RestoreEnviron(pairs); err != nil || os.Getenv("LC_ALL") != "de_DE" || os.Getenv("B") != "own" {
		t.Errorf("LC_ALL=%s B=%s, %v", os.Getenv("LC_ALL"), os.Getenv("B"), err)
	}
}
