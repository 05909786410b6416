#!/bin/sh
# Plans, applies and re-applies examples/quickstart with the runner that is given, on this machine, as an ordinary user,
# in a directory of its own that is removed at the end. Fails when the second run would change something.
set -eu

runner=${1:?usage: demo.sh RUNNER}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/runner-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

cp "$runner" "$work/runner"
cp -R "$here/quickstart" "$work/site"
mkdir "$work/home"
chmod 755 "$work" "$work/runner"

# Root becomes nobody; everybody else stays who they are.
as=
if [ "$(id -u)" = 0 ]; then
  chown -R nobody "$work"
  if command -v setpriv >/dev/null; then
    as="setpriv --reuid=nobody --regid=$(id -g nobody) --clear-groups"
  elif command -v sudo >/dev/null; then
    as="sudo -u nobody"
  else
    echo "demo: neither setpriv nor sudo is here to become an ordinary user with" >&2
    exit 1
  fi
fi

run() {
  printf '\n$ runner'
  printf ' %s' "$@"
  printf '\n'
  (cd "$work" && $as env HOME="$work/home" ./runner "$@")
}

run plan --var root="$work/out" site
run apply --auto-approve --var root="$work/out" site
run apply --auto-approve --var root="$work/out" site
run plan --detailed-exitcode --var root="$work/out" site
printf '\nThe plan after the second run has nothing to do.\n'

echo broken >"$work/out/current/index.html"
printf '\n$ echo broken > %s\n' "$work/out/current/index.html"
status=0
run plan --detailed-exitcode --var root="$work/out" site || status=$?
[ "$status" = 2 ] || { echo "demo: a plan after a change by hand should end with 2, not $status" >&2; exit 1; }
run apply --auto-approve --var root="$work/out" site
run plan --detailed-exitcode --var root="$work/out" site
