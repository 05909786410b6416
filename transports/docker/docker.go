// Package docker describes the hop into a running container, by the docker program of the machine that the hop before
// leads to, or by one with the same command line such as podman or nerdctl. Its neighbours are the other transports and
// agent/child, which carries the description out.
package docker

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"runner/agent/schema"
	"runner/agent/wire"
	"runner/transports"
)

// agentPath is where a container keeps its copy of the agent; %h stands for the agent's hash.
const agentPath = "/.runner-agent-%h"

// Transport returns the docker hop.
func Transport() transports.Transport {
	return transports.Transport{
		Block: schema.Block{
			Name: "docker",
			Doc:  "A running container of the machine before. It needs no shell and nothing else inside.",
			Arguments: []schema.Attribute{
				{Name: "container", Type: schema.String, Required: true, Static: true, Doc: "Name or id of the container."},
				{Name: "user", Type: schema.String, Static: true, Doc: "Who to be inside: name or number, with :group if wanted. Default: the container's own."},
				{Name: "path", Type: schema.String, Static: true, Doc: `The program: a name or an absolute path. Default "docker".`},
				transports.Timeout(),
			},
			Check: check,
			Example: `hop "docker" { container = "app" }

hop "docker" {
  container       = "app"
  user            = "1000:1000"
  path            = "/usr/local/bin/docker"
  connect_timeout = "20s"
}`,
		},
		Open:  open,
		Title: func(o transports.Options) string { return "docker " + o.String("container", "") },
	}
}

// open makes the attempts, the likeliest and cheapest first: a copy of the agent that is there already; a copy that
// docker puts there, which needs nothing inside; a shell inside, for a read-only root that has another place where a
// program may be stored; and at last, for a parent that is root, the container's namespaces and control groups, which
// need no place at all. That comes last because docker's own way also sets up what is outside those, such as seccomp.
func open(o transports.Options) (wire.Open, error) {
	if err := check(o); err != nil {
		return wire.Open{}, err
	}
	program, container, user := o.String("path", "docker"), o.String("container", ""), o.String("user", "")
	if container == "" {
		return wire.Open{}, &schema.ArgumentError{Argument: "container", Message: "A docker hop needs the name or id of its container."}
	}
	exec := []string{program, "exec", "--interactive"}
	inspected := "{{.Config.User}}"
	if user != "" {
		exec = append(exec, "--user", user)
		inspected = user // checked: it holds no braces
	}
	exec = append(exec, "--", container)
	known := failures(container)
	on := func(f ...wire.Failure) []wire.Failure { return slices.Concat(known, f) }
	// What a shell says of a program that it cannot run, docker says too.
	cannot := []wire.Failure{{Exit: 126, Next: true}, {Exit: 127, Next: true}}
	return wire.Open{Attempts: []wire.Attempt{
		// A copy may be missing or damaged; the next attempt replaces it, or finds out what is wrong.
		{Entry: wire.EntryPath, Argv: exec, Path: agentPath, Account: true, Failures: on(wire.Failure{Next: true})},
		{
			Entry: wire.EntryCopy, Argv: exec, Path: agentPath, Copy: []string{program, "cp", "--", "-", container + ":/"},
			Account: true, Failures: on(append(cannot, wire.Failure{Contains: "read-only", Next: true})...),
		},
		{Entry: wire.EntryShell, Argv: exec, Account: true, Failures: on(cannot...)},
		{
			Entry:    wire.EntryNamespace,
			Inspect:  []string{program, "inspect", "--type", "container", "--format", "{{.State.Pid}} " + inspected, "--", container},
			Failures: on(wire.Failure{Code: wire.CodeNoExec, Hint: stuck}),
		},
	}}, nil
}

const stuck = "The container has neither a root that may be written to nor a shell with another place for a program. " +
	"The agent can still enter if the machine before is reached as root: put a sudo hop in front of the docker hop."

func check(known map[string]any) error {
	o := transports.Options(known)
	var container error
	if name, ok := known["container"].(string); ok {
		// The grammar of docker's own names and ids: none can be an option, a path or a template.
		if !regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`).MatchString(name) {
			container = &schema.ArgumentError{Argument: "container", Message: fmt.Sprintf("%q is no name of a container: letters, digits, dots, dashes and underscores, beginning with a letter or a digit.", name)}
		}
	}
	return errors.Join(container, transports.CheckName("user", o.String("user", "")),
		transports.CheckProgram("path", o.String("path", "")), transports.CheckTimeout(known))
}

// failures names what docker and podman say when there is no way into a container at all. What else they say concerns
// one attempt only.
func failures(container string) []wire.Failure {
	all := []struct {
		code  wire.Code
		hint  string
		words []string
	}{
		{transports.CodeNoService, "No daemon answers on that machine, or not at the address that its docker program asks.", []string{
			"Cannot connect to the Docker daemon", "Is the docker daemon running", "failed to connect to the docker API",
		}},
		{transports.CodeDenied, "This user may not talk to the daemon: put a sudo hop in front of the docker hop, or add the user to the group docker.", []string{
			"permission denied while trying to connect",
		}},
		{transports.CodeNoTarget, fmt.Sprintf("There is no container %s on that machine.", container), []string{
			"No such container", "no such container", "no container with name or ID",
		}},
		{transports.CodeNoTarget, fmt.Sprintf("The container %s is paused: docker unpause lets it go on.", container), []string{
			"is paused",
		}},
		{transports.CodeNoTarget, fmt.Sprintf("The container %s exists but is not running.", container), []string{
			"is not running", "is restarting", "container state improper", "can only create exec sessions on running",
		}},
		{transports.CodeNoUser, "There is no such user in the container; a number works without one.", []string{
			"no matching entries in passwd file", "no matching entries in group file", "unable to find user", "unable to find group",
		}},
	}
	var out []wire.Failure
	for _, f := range all {
		for _, w := range f.words {
			out = append(out, wire.Failure{Contains: w, Code: f.code, Hint: f.hint})
		}
	}
	return out
}
