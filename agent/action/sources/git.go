package sources

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"runner/agent/action"
	"runner/agent/disk"
	"runner/agent/view"
	"runner/agent/wire"
)

// Git is the action of that name.
type Git struct {
	URL        string  `cbor:"url"`
	Path       string  `cbor:"path"`
	Version    string  `cbor:"version"`
	Remote     string  `cbor:"remote"`
	Depth      float64 `cbor:"depth"`
	Submodules bool    `cbor:"submodules"`
	Force      bool    `cbor:"force"`
	Update     *bool   `cbor:"update"`
	Key        string  `cbor:"key"`
	HostKey    string  `cbor:"host_key"`
	KnownHosts string  `cbor:"known_hosts"`

	// What Look found, for Act.
	was, will checkout
	source    string   // what is fetched: the whole name of a reference, or a commit
	fresh     bool     // nothing is there, or an empty directory
	stale     bool     // the submodules are not what the commit says
	lost      []string // changes that only this repository has
}

// checkout is what is checked out of which repository. Without a branch HEAD is detached, without a commit nothing is.
type checkout struct{ url, commit, branch string }

// Look compares what is checked out with what the remote has.
func (g *Git) Look(ctx context.Context, env *action.Env) (out action.Outcome, err error) {
	if env.IsUnknown("path") {
		env.View.Disturb()
		return action.Change(wire.VerbUpdate, nil, action.Blindly(""), env.Unknown...), nil
	}
	out = action.Change(wire.VerbCreate, nil, map[string]any{"path": g.Path, "url": g.URL}, env.Unknown...)
	p, err := env.View.Follow(g.Path)
	switch {
	case action.IsUnknown(err):
		env.View.Expect(g.Path)
		out.Change.Unknown = append(out.Change.Unknown, "commit")
		return out, nil
	case err != nil:
		return out, g.cannot(err)
	}
	defer p.Close()
	if p.Entry != nil {
		out.Change.Verb = wire.VerbUpdate
	}
	known := len(env.Unknown) == 0
	if known && (p.Entry == nil || p.Entry.Kind != disk.Unknown) {
		same, err := g.look(ctx, env, p)
		out.Change.Why = doubt(env, err)
		switch {
		case err == nil && same:
			return action.None(g.values()), nil
		case err == nil:
			g.describe(&out, p)
		case out.Change.Why != "":
			known = false // what git needs, or git itself, may be there by then
		default:
			return out, g.cannot(err)
		}
	} else {
		known = false
	}
	if !known {
		out.Change.Unknown = append(out.Change.Unknown, "commit")
	}
	env.View.Plan(p, view.Entry{Unknown: view.Kind}) // what is in it depends on this task
	return out, nil
}

func (g *Git) cannot(err error) error {
	if failed, is := errors.AsType[*toolError](err); is {
		return failed.remedy()
	}
	return action.Cannot("check out into", g.Path, err)
}

// look finds out what is there and what is to be there, and tells whether that is the same.
func (g *Git) look(ctx context.Context, env *action.Env, p *view.Place) (same bool, err error) {
	dir := p.Path
	if p.Entry == nil || p.Entry.New {
		dir = env.Dir // for what only asks the remote
	}
	repo, err := g.open(env, dir)
	if err != nil {
		return false, err
	}
	defer repo.close()
	if g.fresh, err = vacant(p); err != nil {
		return false, err
	}
	if err := g.owned(env, p); err != nil {
		return false, err
	}
	if !g.fresh {
		if err := g.examine(ctx, repo); err != nil || g.Update != nil && !*g.Update {
			return true, err
		}
	}
	if err := g.resolve(ctx, repo); err != nil || g.fresh {
		return false, err
	}
	if err := g.compare(ctx, repo); err != nil {
		return false, err
	}
	return g.was == g.will && !g.stale && len(g.lost) == 0, nil
}

// vacant tells whether a repository can be made at a place: nothing is there, or a directory with nothing in it.
func vacant(p *view.Place) (bool, error) {
	switch {
	case p.Entry == nil:
		return true, action.Writable(p)
	case p.Entry.Kind != disk.Directory:
		return false, &disk.KindError{Path: p.Path, Kind: p.Entry.Kind}
	case p.Entry.New || p.Dir == nil:
		return true, nil
	}
	inside, err := p.Dir.Open(p.Name)
	if err != nil {
		return false, err
	}
	defer inside.Close()
	names, err := inside.Names()
	if err != nil || len(names) > 0 {
		return false, err
	}
	return true, p.Dir.Access(p.Name, unix.W_OK)
}

// owned refuses a working copy of another user: what its configuration and hooks name, git would run as this one. It is git's own
// rule; but an old git has it not, sudo makes an exception of whoever called it, and a configuration of everything (safe.directory).
func (g *Git) owned(env *action.Env, p *view.Place) error {
	if p.Entry == nil || p.Entry.New || p.Dir == nil {
		return nil
	}
	inside, err := p.Dir.Open(p.Name)
	if err != nil {
		return err
	}
	defer inside.Close()
	at, owner := g.Path, p.Entry.UID
	if owner == disk.Me() {
		st, err := inside.Lstat(".git")
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		at, owner = path.Join(at, ".git"), st.UID
	}
	if owner == disk.Me() {
		return nil
	}
	name := env.View.UserName(owner)
	return action.Problem("Let the task run as its owner, with run_as = \""+name+"\", or change the owner.",
		"cannot check out into %s: %s belongs to %s, and git would run as %s what is named there", g.Path, at, name, env.View.UserName(disk.Me()))
}

// examine finds out what is checked out in a directory.
func (g *Git) examine(ctx context.Context, repo *repository) error {
	inside, err := repo.run(ctx, "rev-parse --is-inside-work-tree")
	failed, is := errors.AsType[*toolError](err)
	switch {
	case is && failed.says("not a git repository"), err == nil && inside != "true":
		return action.Problem("Remove it, or choose another path.",
			"cannot check out into %s: a directory is there that is no working copy, and it is not empty", g.Path)
	case err != nil:
		return err
	}
	if g.was.commit, err = repo.ask(ctx, "rev-parse --quiet --verify HEAD"); err != nil {
		return err
	}
	if g.was.commit != "" { // a branch without a commit is none
		if g.was.branch, err = repo.ask(ctx, "symbolic-ref --quiet --short HEAD"); err != nil {
			return err
		}
	}
	g.was.url, err = repo.ask(ctx, "config --get", "remote."+g.remote()+".url")
	return err
}

func (g *Git) remote() string { return cmp.Or(g.Remote, "origin") }

// resolve asks the remote what the version is. A commit needs no answer.
func (g *Git) resolve(ctx context.Context, repo *repository) error {
	g.will = checkout{url: g.URL, commit: g.Version}
	g.source = g.Version
	if isCommit(g.Version) {
		return nil
	}
	branch, tag := "refs/heads/"+g.Version, "refs/tags/"+g.Version
	if g.Version == "" {
		branch, tag = "HEAD", ""
	}
	answer, err := repo.run(ctx, "ls-remote --symref --", g.URL, branch, tag, tag+"^{}")
	if err != nil {
		return err
	}
	refs := map[string]string{}
	for line := range strings.Lines(answer) {
		value, ref, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
		if to, symbolic := strings.CutPrefix(value, "ref: "); !symbolic {
			refs[ref] = value
		} else if ref == "HEAD" && g.Version == "" {
			refs["->"] = to
		}
	}
	name := g.Version
	if to, is := strings.CutPrefix(refs["->"], "refs/heads/"); is {
		name, refs["refs/heads/"+to], branch = to, refs["HEAD"], "refs/heads/"+to
	}
	if g.will.commit, g.source = refs[branch], branch; g.will.commit != "" {
		g.will.branch = name
		return nil
	}
	if g.will.commit, g.source = cmp.Or(refs[tag+"^{}"], refs[tag]), tag; g.will.commit != "" {
		return nil
	}
	return action.Problem("A version is the name of a branch or a tag, or a whole commit hash of 40 digits; without one, the remote's HEAD must be a branch with a commit.",
		"cannot check out %s: %s has no such branch or tag", cmp.Or(g.Version, "HEAD"), g.URL)
}

// compare finds what would be lost, and refuses to lose it unless that is wanted.
func (g *Git) compare(ctx context.Context, repo *repository) (err error) {
	moves, tip := g.was.commit != g.will.commit, ""
	if g.will.branch != "" && g.will.branch != g.was.branch { // which may have commits of its own
		if tip, err = repo.ask(ctx, "rev-parse --quiet --verify", "refs/heads/"+g.will.branch); err != nil {
			return err
		}
	}
	if moves || g.Force {
		// What is not tracked stays; git itself refuses to overwrite it.
		g.lost, err = repo.lines(ctx, "status --porcelain --untracked-files=no --ignore-submodules=all")
	}
	if err == nil && g.was.commit != "" && (moves || tip != "" && tip != g.will.commit) {
		var commits []string
		commits, err = repo.lines(ctx, "log --oneline --no-decorate --max-count=20 --not --remotes --tags --glob=refs/runner/* --not", g.was.commit, cmp.Or(tip, g.was.commit), "--")
		g.lost = append(g.lost, commits...)
	}
	if err == nil && len(g.lost) > 0 && !g.Force {
		p := action.Problem("Commit and push what is to be kept, or set force = true to lose it.",
			"cannot check out %s into %s: changes that only this repository has would be lost", cmp.Or(g.Version, g.will.commit), g.Path)
		p.Quote = wire.Quote([]byte(strings.Join(g.lost, "\n")))
		return p
	}
	if err == nil && g.Submodules && !moves {
		var states []string
		states, err = repo.lines(ctx, "submodule status --recursive")
		for _, s := range states {
			g.stale = g.stale || s[0] != ' '
		}
	}
	return err
}

// describe words what changes.
func (g *Git) describe(out *action.Outcome, p *view.Place) {
	attributes := func(c checkout) map[string]any {
		out := map[string]any{"path": g.Path, "url": c.url, "commit": c.commit, "branch": c.branch}
		maps.DeleteFunc(out, func(_ string, v any) bool { return v == "" })
		return out
	}
	out.After = attributes(g.will)
	if p.Entry != nil {
		out.Before = attributes(g.was)
		if len(g.lost) > 0 {
			out.Before["local_changes"] = action.Plain(g.lost)
		}
		if g.stale {
			out.Before["submodules"] = "other commits"
		}
	}
	out.Values = g.values()
}

// values are the results of the task.
func (g *Git) values() map[string]any {
	is := g.will
	if is.commit == "" {
		is = g.was
	}
	out := map[string]any{"path": g.Path, "before": nil, "after": is.commit, "branch": nil}
	if g.was.commit != "" {
		out["before"] = g.was.commit
	}
	if is.branch != "" {
		out["branch"] = is.branch
	}
	return out
}

// isCommit tells whether a text is a whole hash.
func isCommit(s string) bool {
	const sha1, sha256 = 40, 64
	return (len(s) == sha1 || len(s) == sha256) && strings.Trim(s, "0123456789abcdef") == ""
}

// Act checks out what Look has resolved. What is new appears whole or not at all.
func (g *Git) Act(ctx context.Context, env *action.Env, found action.Outcome) (action.Outcome, error) {
	p, err := env.View.Follow(g.Path)
	if err != nil {
		return found, g.cannot(err)
	}
	defer p.Close()
	repo, err := g.open(env, p.Path)
	if err != nil {
		return found, g.cannot(err)
	}
	defer repo.close()
	switch {
	case p.Entry == nil:
		err = g.create(ctx, p, repo)
	case p.Entry.Kind != disk.Directory:
		err = &disk.ChangedError{Path: g.Path}
	default:
		if err := g.owned(env, p); err != nil {
			return action.Outcome{}, err
		}
		if err = g.update(ctx, repo); err != nil && g.fresh {
			ctx, cancel := tidying(ctx)
			defer cancel()
			err = errors.Join(err, p.Dir.Clear(ctx, p.Name))
		}
	}
	env.Touch(p)
	if err != nil {
		return action.Outcome{}, g.cannot(err)
	}
	return found, nil
}

// tidying gives what removes the remains its time, also where the task was cancelled: not more than an interrupted run waits.
func tidying(ctx context.Context) (context.Context, context.CancelFunc) {
	const limit = 8 * time.Second
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}

// create makes the repository under a hidden name, and then gives it its own.
func (g *Git) create(ctx context.Context, p *view.Place, repo *repository) error {
	hidden := fmt.Sprintf(".%.200s.runner-git-%d", p.Name, disk.Me())
	if st, err := p.Dir.Lstat(hidden); err == nil && st.UID == disk.Me() { // of one that was killed
		if err := p.Dir.RemoveAll(ctx, hidden); err != nil {
			return err
		}
	}
	const perm = 0o755
	if err := p.Dir.Mkdir(hidden, nil, nil, perm); err != nil {
		return err
	}
	repo.dir = p.Dir.Join(hidden)
	err := g.update(ctx, repo)
	if err == nil {
		err = p.Dir.Rename(hidden, p.Name)
	}
	if err != nil {
		ctx, cancel := tidying(ctx)
		defer cancel()
		_ = p.Dir.RemoveAll(ctx, hidden) // the first error counts; what is left, the next one removes
	}
	return err
}

// update fetches what is wanted and checks it out.
func (g *Git) update(ctx context.Context, repo *repository) (err error) {
	do := func(words string, more ...string) {
		if err == nil {
			_, err = repo.run(ctx, words, more...)
		}
	}
	if g.fresh {
		do("init --quiet")
	}
	switch g.was.url {
	case g.URL:
	case "":
		do("remote add --", g.remote(), g.URL)
	default:
		do("remote set-url --", g.remote(), g.URL)
	}
	if g.was.commit != g.will.commit || g.was.url != g.URL {
		const fetch = "fetch --quiet --no-recurse-submodules --no-tags --update-head-ok "
		own, tracking := "+"+g.source+":refs/runner/fetched", "refs/remotes/"+g.remote()+"/" // the first keeps a commit that has no branch and no tag
		switch {
		case g.Depth == 0:
			do(fetch+"--", g.remote(), own, "+refs/heads/*:"+tracking+"*", "+refs/tags/*:refs/tags/*")
		case g.will.branch != "":
			do(fetch+g.depth()+" --", g.remote(), own, "+"+g.source+":"+tracking+g.will.branch)
		default:
			do(fetch+g.depth()+" --", g.remote(), own)
		}
	}
	force := ""
	if g.Force {
		force = " --force"
	}
	if g.will.branch == "" {
		do("checkout --quiet --detach"+force, g.will.commit, "--")
	} else {
		do("checkout --quiet --no-track"+force+" -B", g.will.branch, g.will.commit, "--")
		do("config", "branch."+g.will.branch+".remote", g.remote())
		do("config", "branch."+g.will.branch+".merge", "refs/heads/"+g.will.branch)
	}
	if g.Force {
		do("reset --quiet --hard")
	}
	if g.Submodules {
		do("submodule --quiet sync --recursive")
		do("submodule --quiet update --init --recursive" + force + g.depth())
	}
	return err
}

// depth is an option, or "".
func (g *Git) depth() string {
	if g.Depth == 0 {
		return ""
	}
	return " --depth=" + strconv.Itoa(int(g.Depth))
}
