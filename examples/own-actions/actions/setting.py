#!/usr/bin/env python3
"""setting: a key of a JSON file has a value."""
import difflib
import json
import os
import sys
import tempfile

DESCRIPTION = {
    "protocol": 1,
    "doc": "Sets a key of a file that holds a JSON object. The file's other keys stay.",
    "preview": "exact",
    "arguments": {
        "path": {"type": "path", "required": True, "doc": "The file; it is made if it is not there."},
        "key": {"type": "string", "required": True, "doc": "The key, at the top of the object."},
        "value": {"type": "any", "required": True, "doc": "What it is to be."},
        "token": {"type": "string", "secret": True, "doc": "A secret that is written beside it, under the key token."},
    },
    "results": {
        "previous": {"type": "any", "doc": "What the key was before, or null."},
        "keys": {"type": "list(string)", "doc": "The keys that the file has then."},
    },
    "example": 'task "setting" "port" {\n  path  = "/tmp/settings.json"\n  key   = "port"\n  value = 8080\n}',
}


class Refused(Exception):
    """Why the action cannot do what it was asked for."""


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return None, {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Refused(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise Refused(f"{path} does not hold a JSON object")
    return text, found


def write(path, text):
    mode = os.stat(path).st_mode & 0o7777 if os.path.exists(path) else 0o600
    handle, draft = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".setting-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(draft, mode)
        os.rename(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def run(request):
    arguments = request["arguments"]
    before, settings = read(arguments["path"])
    previous = settings.get(arguments["key"])
    settings[arguments["key"]] = arguments["value"]
    if "token" in arguments:
        settings["token"] = arguments["token"]
    after = json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
    result = {"previous": previous, "keys": sorted(settings)}
    if before is not None and json.loads(before) == settings:
        return {"changed": False, "result": result}
    if request["mode"] == "act":
        write(arguments["path"], after)
    # No context: the lines around may be a secret of another task.
    diff = "".join(difflib.unified_diff((before or "").splitlines(True), after.splitlines(True), "before", "after", n=0))
    return {"changed": True, "change": "create" if before is None else "update", "diff": diff, "result": result}


if sys.argv[1] == "describe":
    answer = DESCRIPTION
else:
    try:
        answer = run(json.load(sys.stdin))
    except (Refused, OSError) as error:
        answer = {"error": {"message": str(error)}}
json.dump(answer, sys.stdout)
