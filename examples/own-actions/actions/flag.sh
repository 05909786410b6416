#!/bin/sh
# flag NAME: an empty file in a directory of flags is there, or not. It needs nothing but a POSIX shell.
set -eu

describe() {
	cat <<'JSON'
{
  "protocol": 1,
  "doc": "Sets or clears a flag: an empty file of that name in a directory.",
  "preview": "exact",
  "input": "shell",
  "arguments": {
    "name":      {"type": "string", "required": true, "doc": "The flag's name, without a slash."},
    "directory": {"type": "path", "default": "/tmp/flags", "doc": "Where flags are; it is made if need be."},
    "state":     {"type": "string", "one_of": ["set", "clear"], "default": "set", "doc": "Whether the flag is to be there."}
  },
  "results": {
    "path": {"type": "path", "doc": "Where the flag is, or was."}
  },
  "example": "task \"flag\" \"maintenance\" {\n  name = \"maintenance\"\n}"
}
JSON
}

# json writes a text as a JSON string.
json() {
	printf '"%s"' "$(printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g')"
}

refuse() {
	printf '{"error": {"message": %s, "hint": %s}}\n' "$(json "$1")" "$(json "$2")"
	exit 0
}

answer() { # changed, change, result
	printf '{"changed": %s, %s"result": {"path": %s}}\n' "$1" "${2:+\"change\": \"$2\", }" "$(json "$3")"
}

if [ "$1" = describe ]; then
	describe
	exit
fi

eval "$(cat)" # runner_mode, and the arguments as arg_NAME, each quoted

case $arg_name in
'' | */* | *[[:cntrl:]]*) refuse "$arg_name cannot be the name of a flag" "Use a name without slashes and control characters." ;;
esac
path=$arg_directory/$arg_name

change=
case $arg_state in
set) [ -e "$path" ] || change=create ;;
clear) [ ! -e "$path" ] || change=remove ;;
esac
[ -n "$change" ] || {
	answer false "" "$path"
	exit
}
if [ "$runner_mode" = act ]; then
	case $change in
	create) mkdir -p -- "$arg_directory" && : >"$path" ;;
	remove) rm -- "$path" ;;
	esac
	echo "$change $path" >&2 # what is printed there is for people, who see it with -v
fi
answer true "$change" "$path"
