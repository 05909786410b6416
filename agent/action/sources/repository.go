package sources

import (
	"context"
	"path"
	"strings"

	"runner/agent/action"
	"runner/agent/process"
)

// repository is a directory that git runs in. It must be closed.
type repository struct {
	env   *action.Env
	dir   string
	vars  []string
	close func()
}

// open prepares running git in a directory: so that it asks nobody, is led to no other repository, and in a look leaves
// everything as it is. The key is in a file that has no name, where the system has such files.
func (g *Git) open(env *action.Env, dir string) (*repository, error) {
	r := &repository{env: env, dir: dir, close: func() {}}
	for _, v := range env.Environ {
		// Of SUDO_UID root's git takes it that what belongs to that user may tell root what to run.
		if name, _, _ := strings.Cut(v, "="); !strings.Contains(" GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE SUDO_UID ", " "+name+" ") {
			r.vars = append(r.vars, v)
		}
	}
	r.vars = append(r.vars, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "SSH_ASKPASS_REQUIRE=never", "GIT_OPTIONAL_LOCKS=0", "GIT_CEILING_DIRECTORIES="+path.Dir(dir))
	ssh := ""
	if g.Key != "" {
		key, done, err := process.Secret([]byte(strings.TrimRight(g.Key, "\n") + "\n"))
		if err != nil {
			return nil, err
		}
		r.close = done
		ssh = " -oIdentitiesOnly=yes -oIdentityAgent=none -i " + key
	}
	known := g.KnownHosts
	if g.HostKey != "" {
		checks := g.HostKey // accept-new
		switch checks {
		case "strict":
			checks = "yes"
		case "ignore":
			checks, known = "no", "/dev/null"
		}
		ssh += " -oStrictHostKeyChecking=" + checks
	}
	if known != "" { // it has no character that means something to a shell
		ssh += " -oUserKnownHostsFile=" + known
	}
	if ssh != "" {
		r.vars = append(r.vars, "GIT_SSH_COMMAND=ssh -oBatchMode=yes"+ssh)
	}
	return r, nil
}

// run runs git and returns what it printed. The first words are fixed. What git tidies up now and then it does not leave to a process
// that outlives it.
func (r *repository) run(ctx context.Context, words string, more ...string) (string, error) {
	argv := append(strings.Fields("git -c gc.autoDetach=false -c maintenance.autoDetach=false "+words), more...)
	return run(ctx, r.env, "git "+strings.Fields(words)[0], process.Command{Argv: argv, Dir: r.dir, Env: r.vars})
}

// ask is run for questions that git answers with the status 1 where there is no answer: then it is "".
func (r *repository) ask(ctx context.Context, words string, more ...string) (string, error) {
	out, err := r.run(ctx, words, more...)
	if failed, is := err.(*toolError); is && failed.exit.Status == 1 { //nolint:errorlint // run wraps nothing
		return "", nil
	}
	return out, err
}

// lines is run for lists.
func (r *repository) lines(ctx context.Context, words string, more ...string) ([]string, error) {
	out, err := r.run(ctx, words, more...)
	if out == "" {
		return nil, err
	}
	return strings.Split(out, "\n"), err
}
