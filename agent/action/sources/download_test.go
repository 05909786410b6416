//go:build linux

package sources_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/action/actiontest"
	"runner/agent/wire"
	"runner/executor/relay"
	"runner/planner/plan"
)

// server gives a content, and counts how often it was asked.
type server struct {
	*httptest.Server
	content []byte
	asked   atomic.Int64
	last    atomic.Pointer[http.Request]
}

func newServer(t testing.TB, content string) *server {
	s := &server{content: []byte(content)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.last.Store(r)
		switch r.URL.Path {
		case "/there":
			http.Redirect(w, r, "/content", http.StatusFound)
		case "/content":
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(s.content)))
		case "/private":
			if user, password, ok := r.BasicAuth(); !ok || user != "me" || password != `p"a\ss` || r.Header.Get("X-Token") != "se cret" {
				http.Error(w, "who?", http.StatusUnauthorized)
				return
			}
			_, _ = w.Write(s.content)
		case "/cut": // after half of what was asked for
			from := 0
			if first, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
				from, _ = strconv.Atoi(strings.TrimSuffix(first, "-"))
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(s.content)-1, len(s.content)))
			}
			rest := s.content[from:]
			w.Header().Set("Content-Length", strconv.Itoa(len(rest)))
			if from > 0 {
				w.WriteHeader(http.StatusPartialContent)
			}
			_, _ = w.Write(rest[:(len(rest)+1)/2])
		case "/slow": // a little, and then nothing
			_, _ = w.Write(s.content[:1])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/forbidden":
			http.Error(w, "no", http.StatusForbidden)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// newBench returns a bench whose connections, which Go's client and server close a little later, have the time for that.
func newBench(t testing.TB) *actiontest.Bench {
	t.Helper()
	b := actiontest.New(t)
	before := len(actiontest.Entries(t, "/proc/self/fd"))
	t.Cleanup(func() {
		for range 200 {
			if len(actiontest.Entries(t, "/proc/self/fd")) <= before {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	return b
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// fetchers are the ways to fetch: the names of the programs that there are, by what they are links to.
func fetchers(t testing.TB) map[string]map[string]string {
	out := map[string]map[string]string{"controller": {}}
	for _, p := range []struct{ name, program string }{{"curl", "curl"}, {"wget", "wget"}, {"wget", "busybox"}} {
		if at, err := exec.LookPath(p.program); err == nil {
			out[p.program] = map[string]string{p.name: at}
		} else {
			t.Logf("there is no %s here: it is not tried", p.program)
		}
	}
	return out
}

// with returns an environment in which there are just some programs, and what the controller would send.
func with(b *actiontest.Bench, mode wire.Mode, programs map[string]string, a args) *action.Env {
	env := b.Env(mode)
	bin := b.TempDir()
	for name, at := range programs {
		actiontest.OK(b, os.Symlink(at, bin+"/"+name))
	}
	env.Environ = []string{"PATH=" + bin}
	env.Input = func() io.Reader { return &relayed{a: a} }
	return env
}

// relayed is what the controller fetches, once it is asked for.
type relayed struct {
	a args
	r io.Reader
}

func (r *relayed) Read(p []byte) (int, error) {
	if r.r == nil {
		q := &plan.Request{URL: r.a["url"].(string), Headers: map[string]string{}}
		q.Username, _ = r.a["username"].(string)
		q.Password, _ = r.a["password"].(string)
		headers, _ := r.a["headers"].(args)
		for name, value := range headers {
			q.Headers[name], _ = value.(string)
		}
		body := relay.Open(q)
		data, err := io.ReadAll(body)
		_ = body.Close()
		if err != nil {
			return 0, err
		}
		r.r = strings.NewReader(string(data))
	}
	return r.r.Read(p)
}

// G28: with each of the programs, and none; whatever is there; what Look predicts is what Act does, and the second time there
// is nothing to do.
func TestG28DownloadMatrix(t *testing.T) {
	const content = "what the server gives\n"
	for by, programs := range fetchers(t) {
		for situation, prepare := range map[string]func(path string){
			"absent": func(string) {},
			"equal":  func(path string) { actiontest.Write(t, path, content, 0o640) },
			"other":  func(path string) { actiontest.Write(t, path, "other\n", 0o640) },
			"link":   func(path string) { actiontest.OK(t, os.Symlink("/etc/passwd", path)) },
			"hard": func(path string) {
				actiontest.Write(t, path+".2", "other\n", 0o640)
				actiontest.OK(t, os.Link(path+".2", path))
			},
			"dir":  func(path string) { actiontest.OK(t, os.Mkdir(path, 0o755)) },
			"pipe": func(path string) { actiontest.OK(t, unix.Mkfifo(path, 0o644)) },
		} {
			for wish, a := range map[string]args{
				"plain": {}, "digest": {"sha256": digest(content), "mode": "0600"}, "force": {"force": true}, "wrong": {"sha256": digest("x")}, "backup": {"sha256": digest(content), "backup": true},
			} {
				t.Run(by+"/"+situation+"/"+wish, func(t *testing.T) {
					dir := t.TempDir()
					b := newBench(t)
					s := newServer(t, content)
					prepare(dir + "/x")
					a := actiontest.Merged(args{"url": s.URL + "/there", "path": dir + "/x", "headers": args{}}, a)
					downloadMatrix(t, b, s, programs, dir, a, situation, wish)
					if situation == "hard" && actiontest.Read(t, dir+"/x.2") != "other\n" {
						t.Error("the other name has the new content")
					}
				})
			}
		}
	}
}

func downloadMatrix(t *testing.T, b *actiontest.Bench, s *server, programs map[string]string, dir string, a args, situation, wish string) {
	before, asked := actiontest.Snapshot(t, dir), s.asked.Load()
	predicted, predictedErr := b.Make("download", a).Look(t.Context(), with(b, wire.ModeLook, programs, a))
	same(t, "after a look", before, actiontest.Snapshot(t, dir))
	if wish != "force" && s.asked.Load() != asked {
		t.Error("the look has asked the server")
	}
	did, err := actiontest.Run(t.Context(), with(b, wire.ModeApply, programs, a), b.Make("download", a))
	if wish == "wrong" || situation == "dir" || situation == "pipe" {
		if err == nil || (predictedErr == nil) != (wish == "wrong" && situation != "dir" && situation != "pipe") {
			t.Fatalf("predicted %v, got %v", predictedErr, err)
		}
		p, is := asProblem(err)
		if !is || p.Hint == "" || !strings.Contains(p.Message, "/x") && !strings.Contains(p.Message, a["sha256"].(string)) {
			t.Errorf("no named error: %v", err)
		}
		same(t, err.Error(), before, actiontest.Snapshot(t, dir))
		return
	}
	if err != nil || predictedErr != nil {
		t.Fatalf("predicted %v, got %v", predictedErr, err)
	}
	want := string(s.content)
	if wish == "plain" && situation != "absent" && situation != "link" {
		want = actiontest.Read(t, dir+"/x") // it was taken for that
		b.Verb(did, wire.VerbNone)
	}
	if got := actiontest.Read(t, dir+"/x"); got != want {
		t.Errorf("content %q", got)
	}
	if predicted.Change.Verb != did.Change.Verb || !reflect.DeepEqual(predicted.Before, did.Before) || predicted.Change.Diff != did.Change.Diff {
		t.Errorf("predicted %+v, got %+v", predicted, did)
	}
	for name, value := range predicted.After {
		if did.After[name] != value {
			t.Errorf("%s was to be %v, and is %v", name, value, did.After[name])
		}
	}
	if wish == "force" && (situation == "other" || situation == "hard") && !strings.Contains(predicted.Change.Diff, "+"+want) {
		t.Errorf("the diff is %q", predicted.Change.Diff)
	}
	settled, asked := actiontest.Snapshot(t, dir), s.asked.Load()
	again, err := actiontest.Run(t.Context(), with(b, wire.ModeApply, programs, a), b.Make("download", a))
	if err != nil {
		t.Fatal(err)
	}
	b.Verb(again, wire.VerbNone)
	same(t, "applied twice", settled, actiontest.Snapshot(t, dir))
	if wish != "force" && s.asked.Load() != asked {
		t.Error("the server was asked the second time")
	}
}

// G36: what is secret comes to the server, and is on no command line.
func TestG36DownloadSecrets(t *testing.T) {
	for by, programs := range fetchers(t) {
		t.Run(by, func(t *testing.T) {
			b := newBench(t)
			s := newServer(t, "private\n")
			dir := t.TempDir()
			for name, at := range programs { // one before the real one notes what it is given
				wrapper := dir + "/" + name
				if by == "busybox" {
					actiontest.Write(t, wrapper, fmt.Sprintf("#!/bin/sh\necho \"$@\" >>%s/seen\nexec %s wget \"$@\"\n", dir, at), 0o755)
				} else {
					actiontest.Write(t, wrapper, fmt.Sprintf("#!/bin/sh\n{ /usr/bin/env; echo \"$@\"; } >>%s/seen\nexec %s \"$@\"\n", dir, at), 0o755)
				}
				programs = map[string]string{name: wrapper}
			}
			a := args{"url": s.URL + "/private", "path": dir + "/x", "headers": args{"X-Token": "se cret"}, "username": "me", "password": `p"a\ss`}
			out, err := actiontest.Run(t.Context(), with(b, wire.ModeApply, programs, a), b.Make("download", a))
			actiontest.OK(t, err)
			b.Verb(out, wire.VerbCreate)
			if got := actiontest.Read(t, dir+"/x"); got != "private\n" {
				t.Errorf("content %q", got)
			}
			seen, _ := os.ReadFile(dir + "/seen")
			if by != "controller" && len(seen) == 0 {
				t.Error("the program was not asked")
			}
			for _, secret := range []string{"se cret", `p"a`, "X-Token"} {
				if strings.Contains(string(seen), secret) {
					t.Errorf("%q is on a command line:\n%s", secret, seen)
				}
			}
		})
	}
}

// Who asks is told to no other server that an answer names: wget, which would, goes nowhere else then.
func TestDownloadTellsNobodyElse(t *testing.T) {
	for by, programs := range fetchers(t) {
		told := make(chan string, 10)
		other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told <- r.Header.Get("Authorization") }))
		_, port, _ := strings.Cut(strings.TrimPrefix(other.URL, "http://"), ":")
		first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://localhost:"+port+"/", http.StatusFound)
		}))
		b := newBench(t)
		a := args{"url": first.URL, "path": b.TempDir() + "/x", "headers": args{}, "username": "me", "password": "hunter2"}
		_, err := actiontest.Run(t.Context(), with(b, wire.ModeApply, programs, a), b.Make("download", a))
		if p, failed := asProblem(err); failed != (by == "wget") || failed && !strings.Contains(p.Hint, "install curl") {
			t.Errorf("%s: %v", by, err)
		}
		first.Close()
		other.Close()
		close(told)
		for who := range told {
			if who != "" {
				t.Errorf("%s: another server is told %q", by, who)
			}
		}
	}
}

func TestDownloadErrorsAreNamed(t *testing.T) {
	b := newBench(t)
	s := newServer(t, "x\n")
	for by, programs := range fetchers(t) {
		dir := t.TempDir()
		for path, want := range map[string]string{"/nothing": "404", "/forbidden": "403"} {
			a := args{"url": s.URL + path, "path": dir + "/x", "headers": args{}}
			_, err := actiontest.Run(t.Context(), with(b, wire.ModeApply, programs, a), b.Make("download", a))
			quote := ""
			if p, is := asProblem(err); is {
				quote = string(p.Quote)
			}
			if err == nil || !strings.Contains(err.Error()+quote, want) || !strings.Contains(err.Error(), s.URL+path) {
				t.Errorf("%s %s: %v (%s)", by, path, err, quote)
			}
		}
		stranger := httptest.NewTLSServer(http.NotFoundHandler()) // whose certificate nobody knows
		a := args{"url": stranger.URL + "/x", "path": dir + "/x"}
		_, err := actiontest.Run(t.Context(), with(b, wire.ModeApply, programs, a), b.Make("download", a))
		stranger.Close()
		if err == nil || strings.Contains(err.Error(), "404 Not Found") {
			t.Errorf("%s took an unknown certificate: %v", by, err)
		}
		if left := actiontest.Entries(t, dir); len(left) > 0 {
			t.Errorf("%s: left %v", by, left)
		}
	}
}

func TestDownloadGoesOnWhereItWasCut(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 1<<12)
	b := newBench(t)
	s := newServer(t, content)
	programs := map[string]string{"curl": fetchers(t)["curl"]["curl"]}
	dir := t.TempDir()
	a := args{"url": s.URL + "/cut", "path": dir + "/x", "sha256": digest(content), "headers": args{}}
	_, err := actiontest.Run(t.Context(), with(b, wire.ModeApply, programs, a), b.Make("download", a))
	actiontest.OK(t, err)
	if actiontest.Read(t, dir+"/x") != content || s.asked.Load() < 10 {
		t.Errorf("asked %d times", s.asked.Load())
	}
	delete(a, "sha256") // nothing tells whether the parts belong together
	a["path"] = dir + "/y"
	if _, err = actiontest.Run(t.Context(), with(b, wire.ModeApply, programs, a), b.Make("download", a)); err == nil {
		t.Error("half of it was taken for all")
	}
	if left := actiontest.Entries(t, dir); len(left) != 1 {
		t.Errorf("left %v", left)
	}
}

// G21, G25: when the task's time is over, so is the download, and nothing remains.
func TestG25DownloadEndsInTime(t *testing.T) {
	b := newBench(t)
	s := newServer(t, "x\n")
	for by, programs := range fetchers(t) {
		if by == "controller" {
			continue // whose input the agent ends
		}
		dir := t.TempDir()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		a := args{"url": s.URL + "/slow", "path": dir + "/x"}
		_, err := actiontest.Run(ctx, with(b, wire.ModeApply, programs, a), b.Make("download", a))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", by, err)
		}
		if left := actiontest.Entries(t, dir); len(left) > 0 {
			t.Errorf("%s: left %v", by, left)
		}
	}
}

func TestG29DownloadOnAFullDisk(t *testing.T) {
	actiontest.NeedsRoot(t)
	dir := t.TempDir()
	actiontest.OK(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"))
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	actiontest.Write(t, dir+"/x", "old\n", 0o644)
	content := strings.Repeat("x", 1<<20)
	b := newBench(t)
	s := newServer(t, content)
	for by, programs := range fetchers(t) {
		a := args{"url": s.URL + "/content", "path": dir + "/x", "sha256": digest(content), "headers": args{}}
		_, err := actiontest.Run(t.Context(), with(b, wire.ModeApply, programs, a), b.Make("download", a))
		p, is := asProblem(err)
		if !is || !strings.Contains(p.Message, "no space left") || !strings.Contains(p.Hint, "Make room") {
			t.Errorf("%s: %v", by, err)
		}
		if left := actiontest.Entries(t, dir); len(left) != 1 || actiontest.Read(t, dir+"/x") != "old\n" {
			t.Errorf("%s: left %v", by, left)
		}
	}
}
