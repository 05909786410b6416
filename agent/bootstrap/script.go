// Package bootstrap gets an agent to run on the other side of a hop where /bin/sh can be run, and recognises it. The
// parent, controller or agent, hands the agent on through the very stream that it then talks on: cached copies are used
// where they are, and stored where they may be executed. Its neighbours are agent/child, which starts hops, the ssh
// transport, which does so from the controller, and agent/wire, whose frames follow what happens here. It starts no
// process itself and knows nothing of hops.
package bootstrap

import "strings"

// The script runs under any /bin/sh. It is one line without single quotes, exclamation marks and backslashes, so that
// every login shell takes it in single quotes as it is. Its arguments are those of Argv.
//
// It looks for a copy in the directories in turn; one that does not answer is passed over. Without one it takes the
// first directory in which a file may be executed (an empty one is a script that does nothing), asks for the agent,
// stores what comes under a temporary name (of the nonce: machines that share a home share no process ids), and runs it; if it cannot, the next directory has its turn. Names in
// directories that everybody can write to could be anybody's links: own changes into a directory first and then checks
// where it has got to. What is left of the input when storing fails is read all the same: the next answer follows it.
// The umask is changed only where files are made: the agent, and what it runs, are to have the account's own.
const script = `set -f; n=$1 l=$2 k=$3; shift 3; ` +
	`m=$(uname -sm); u=$(id -u); w=; h=; for a in $l; do case $m in ${a%%=*}) w=$a h=${a#*=};; esac; done; ` +
	`z=plain; command -v gzip > /dev/null && z=gzip; ` +
	`c=; [ -O "$HOME" ] && c=$HOME/.cache/runner; x=; [ -O "$XDG_RUNTIME_DIR" ] && x=$XDG_RUNTIME_DIR/runner; ` +
	`own() { cd "$d" && [ -O . ] && case $d in */.runner-$u) [ "$(pwd -P)" = "$d" ];; esac; }; ` +
	`runs() { [ -O agent-$h ] && [ "$(./agent-$h ok)" = ok ]; }; ` +
	`probe() { : > .new-$n && chmod 700 . .new-$n && ./.new-$n; }; ` +
	`store() { head -c $s | { $e > .new-$n || { cat > /dev/null; false; }; } && mv -f .new-$n agent-$h && runs < /dev/null; }; ` +
	`for k in $k new; do for d in "$c" "$x" /dev/shm/.runner-$u /var/tmp/.runner-$u /tmp/.runner-$u; do [ "$d" ] || continue; ` +
	`case $k in ` +
	`cached) ( own && runs ) < /dev/null > /dev/null 2>&1 && exec "$d/agent-$h" serve $n "$w" $k "$@";; ` +
	`new) if ( umask 077; mkdir -p "$d" && own && probe ) < /dev/null > /dev/null 2>&1; then ` +
	`echo "runner-need $n $m $z"; read -r s e || exit 1; case $e in gzip) e="gzip -dc";; *) e=cat;; esac; ` +
	`( umask 077; own && store ) > /dev/null 2>&1 && exec "$d/agent-$h" serve $n "$w" $k "$@"; fi; ` +
	`( own && rm -f .new-$n ) > /dev/null 2>&1;; ` +
	`esac; done; done; echo "runner-none $n"; exit 126`

// How an agent was started, its third argument after "serve".
const (
	ModeCached = "cached" // by the script, from a copy that was there
	ModeNew    = "new"    // by the script, from a copy that it has just stored
	ModePath   = "path"   // from a path that the parent knows
)

// needMark and noneMark are what the script prints. Its own command line, which a shell may echo, holds the nonce but
// neither of these.
func needMark(nonce string) []byte { return []byte("runner-need " + nonce + " ") }
func noneMark(nonce string) []byte { return []byte("runner-none " + nonce + "\n") }

// Argv is the command line of the script: it ends as the agent whose hello repeats the nonce. The agent will be one of
// src's. Restore are the arguments of the function of that name.
func Argv(nonce string, src Source, restore ...string) []string {
	return argv(nonce, list(src), ModeCached, restore)
}

func argv(nonce, list, mode string, restore []string) []string {
	return append([]string{"/bin/sh", "-c", script, "runner", nonce, list, mode}, restore...)
}

// ArgvExpanded is Argv for a program that lets a shell expand every dollar sign of it, as sudo -i does.
func ArgvExpanded(nonce string, src Source, restore ...string) []string {
	words := Argv(nonce, src, restore...)
	words[2] = "set -f; eval `echo '" + strings.ReplaceAll(script, "$", "^") + `' | tr ^ '\044'` + "`"
	return words
}

// PathArgv is the command line of an agent that lies at a path on the other side.
func PathArgv(agent, nonce string, restore ...string) []string {
	return append([]string{agent, "serve", nonce, "", ModePath}, restore...)
}

// Command is Argv as text for a login shell of whatever kind, as sshd runs it.
func Command(nonce string, src Source) string {
	var words []string
	for _, word := range Argv(nonce, src, Restore(nil, nil)...) {
		quoted, err := Quote(word)
		if err != nil {
			panic(err) // no word of ours holds a line break
		}
		words = append(words, quoted)
	}
	return "exec " + strings.Join(words, " ")
}
