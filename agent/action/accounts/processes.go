package accounts

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"runner/agent/action"
)

// idle tells whether no process of the user runs. The tools that change accounts ask too, and in a container that may not look
// at the root directories of processes they find none.
func (u *User) idle(env *action.Env) error {
	if u.old == nil || env.View.Disturbed() { // it may have ended by then
		return nil
	}
	running := processesOf(u.old[idField])
	const most = 5
	if len(running) > most {
		running = append(running[:most], "and others")
	}
	if len(running) == 0 {
		return nil
	}
	return u.cannot("End them with a task before this one, for example with pkill -u "+u.Name+".", "its processes run: "+strings.Join(running, ", "))
}

// processesOf returns the processes that run as a user, as "123 (sleep)". Those that have another root directory are those of
// a container, in which the number is another user's.
func processesOf(uid string) (out []string) {
	var here, there unix.Stat_t
	list, _ := os.ReadDir("/proc")
	rooted := unix.Stat("/", &here) == nil
	for _, e := range list {
		data, err := os.ReadFile("/proc/" + e.Name() + "/status")
		if e.Name()[0] < '1' || e.Name()[0] > '9' || err != nil {
			continue
		}
		name, mine := "", false
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(line, ":")
			value = strings.TrimSpace(value)
			switch key {
			case "Name":
				name = value
			case "State":
				if value[:min(1, len(value))] == "Z" { // it has ended
					name = ""
				}
			case "Uid": // real, effective, saved, and that of the file system
				mine = slices.Contains(strings.Fields(value), uid)
			}
		}
		elsewhere := rooted && unix.Stat("/proc/"+e.Name()+"/root", &there) == nil && (there.Dev != here.Dev || there.Ino != here.Ino)
		if mine && name != "" && !elsewhere {
			out = append(out, e.Name()+" ("+name+")")
		}
	}
	return out
}
