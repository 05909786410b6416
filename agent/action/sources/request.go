package sources

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/process"
	"runner/agent/view"
)

// Request is what is asked of a server. The controller makes the same request where the target has nothing to make it with.
type Request struct {
	URL      string            `cbor:"url"`
	Digest   string            `cbor:"sha256"` // of what is to come, hexadecimal; "": of anything
	Headers  map[string]string `cbor:"headers"`
	Username string            `cbor:"username"`
	Password string            `cbor:"password"`
}

// fetch writes what the server gives to a file that holds nothing, and tells what that is.
func (r *Request) fetch(ctx context.Context, env *action.Env, to *os.File) (*view.Content, error) {
	err := r.transfer(ctx, env, to)
	if failed, is := err.(*toolError); is { //nolint:errorlint // it wraps nothing
		failed.Message = "cannot download " + r.URL + ": " + failed.Message
		err = failed.remedy()
	}
	if err == nil {
		_, err = to.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, err
	}
	digest := sha256.New()
	size, err := io.Copy(digest, to)
	if err != nil {
		return nil, err
	}
	is := hex.EncodeToString(digest.Sum(nil))
	if r.Digest != "" && r.Digest != is {
		return nil, action.Problem("Correct sha256 if this is what the server is to give; what was there before is still there.",
			"cannot download %s: %d bytes have come with the digest %s, and %s is wanted", r.URL, size, is, r.Digest)
	}
	return &view.Content{Size: size, SHA256: is}, nil
}

// transfer has the first of curl, wget and the controller make the request that can do so with nothing secret on a command line.
func (r *Request) transfer(ctx context.Context, env *action.Env, to *os.File) error {
	has := func(program string) bool { return env.View.Program(program, env.Dir, env.Environ) }
	if has("curl") {
		return r.curl(ctx, env, to)
	}
	if has("wget") {
		version, err := run(ctx, env, "wget", process.Command{Argv: []string{"wget", "--version"}, Env: env.Environ})
		if _, failed := err.(*toolError); err != nil && !failed { //nolint:errorlint // it wraps nothing
			return err
		}
		if strings.HasPrefix(version, "GNU ") {
			return pipe(ctx, env, to, anything, process.Command{
				Argv:  strings.Fields("wget --no-verbose --tries=5 --output-document=- --input-file=- --config"),
				Stdin: strings.NewReader(r.URL), Script: []byte(r.config(" = ", "\n")),
			})
		}
		if !r.secret() { // busybox takes everything on its command line
			return pipe(ctx, env, to, anything, process.Command{Argv: []string{"wget", "-q", "-O", "-", r.URL}})
		}
	}
	_, err := io.Copy(to, env.Input())
	return err
}

// secret tells whether something of the request may be a secret.
func (r *Request) secret() bool {
	return r.Username != "" || len(r.Headers) > 0 || strings.ContainsAny(r.URL, "?@")
}

// curl goes on with what was cut, as long as more comes each time, and the digest tells that the parts belong together.
func (r *Request) curl(ctx context.Context, env *action.Env, to *os.File) error {
	config := "url = \"" + quote(r.URL) + "\"\n" + r.config(" = \"", "\"\n")
	for from := int64(0); ; {
		const options = "curl -q --silent --show-error --fail --location --globoff --connect-timeout 30 --config - --continue-at "
		err := pipe(ctx, env, to, anything, process.Command{
			Argv: strings.Fields(options + strconv.FormatInt(from, 10)), Stdin: strings.NewReader(config),
		})
		failed, is := err.(*toolError) //nolint:errorlint // it wraps nothing
		if !is || r.Digest == "" {
			return err
		}
		const noRanges = 33
		at, err := to.Seek(0, io.SeekCurrent)
		if err == nil && failed.exit.Status == noRanges && from > 0 {
			if at, err = to.Seek(0, io.SeekStart); err == nil {
				err = to.Truncate(0)
			}
		} else if err == nil && at == from {
			return failed
		}
		if err != nil {
			return err
		}
		from = at
	}
}

// config writes what may be secret as lines of a file that curl or wget reads its options from.
func (r *Request) config(between, end string) string {
	var b strings.Builder
	set := func(name, value string) {
		if end != "\n" {
			value = quote(value)
		}
		b.WriteString(name + between + value + end)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		set("header", name+": "+r.Headers[name])
	}
	switch {
	case r.Username == "":
	case end != "\n":
		set("user", r.Username+":"+r.Password)
	default:
		set("user", r.Username)
		set("password", r.Password)
		set("auth_no_challenge", "on") // as curl does
	}
	if b.Len() > 0 && end == "\n" { // wget would tell it to every server that it is sent on to
		set("max_redirect", "0")
	}
	return b.String()
}

// quote is for curl's files.
func quote(s string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) }

// pipe runs a program that prints to a file. What cannot be written, or is more than so many bytes, ends it.
func pipe(ctx context.Context, env *action.Env, to *os.File, most int64, c process.Command) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.Dir, c.Env, c.Stdout = env.Dir, append(slices.Clone(env.Environ), "LC_ALL=C"), &sink{to, most, cancel}
	_, err := run(ctx, env, c.Argv[0], c)
	return err
}

// anything is no limit.
const anything = 1 << 62

type sink struct {
	to     *os.File
	left   int64
	cancel context.CancelCauseFunc
}

func (s *sink) Write(p []byte) (int, error) {
	if s.left -= int64(len(p)); s.left < 0 {
		s.cancel(&fs.PathError{Op: "write", Path: s.to.Name(), Err: unix.ENOSPC})
	}
	n, err := s.to.Write(p)
	if err != nil {
		s.cancel(err)
	}
	return n, err
}
