package sudo

import (
	"fmt"

	"runner/agent/wire"
	"runner/transports"
)

// failures names what sudo says when it refuses, in the words of sudo 1.8 and 1.9 and of sudo-rs, in English. The order
// matters: some refusals end with a general sentence that other refusals consist of.
func failures(o transports.Options) []wire.Failure {
	user := o.String("user", "root")
	var (
		denied  = fmt.Sprintf("The sudo rules of that machine must allow this user to run /bin/sh as %s.", user)
		missing = `Set password in the sudo hop, or let the sudo rules ask for none (NOPASSWD).`
		account = "The account cannot be used until an administrator renews it or its password."
		broken  = "Something is wrong with sudo on that machine itself: try it there by hand."
		setenv  = "The sudo rules must allow this (SETENV), or preserve_env must ask for less."
		option  = "The sudo of that machine does not know an option that the hop asks for, or was built without what it needs."
	)
	all := []struct {
		code  wire.Code
		hint  string
		words []string
	}{
		{transports.CodeAccount, account, []string{
			"Account or password is expired", "ccount validation failure", "Account expired", "account has expired", "is your account locked", "Password expired",
		}},
		{transports.CodeNoUser, fmt.Sprintf("There is no user %s on that machine.", user), []string{
			"unknown user", "user '" + user + "' not found", "user `" + user + "' not found",
		}},
		{transports.CodeDenied, "This user may not use sudo on that machine.", []string{
			"is not in the sudoers file", "may not run sudo", "is not allowed to run sudo",
		}},
		{transports.CodeDenied, setenv, []string{
			"not allowed to preserve the environment", "not allowed to set the following environment variables",
		}},
		{transports.CodeDenied, denied, []string{
			"is not allowed to execute", "is not allowed to authenticate as", "may not run ", "not permitted to use the", "not allowed to use", "I'm afraid I can't do that", "command not allowed",
		}},
		{wire.CodePassword, "The password of the sudo hop is wrong. It is the password of the user who runs sudo, unless the sudo rules say else.", []string{
			"incorrect password attempt", "ncorrect authentication attempt", "Sorry, try again", "Authentication failed, try again",
		}},
		{wire.CodeNoPassword, missing, []string{
			"a password is required", "nteractive authentication is required", "nteraction is required", " terminal is required",
			"no tty present", "no password was provided", "Authentication required but not attempted",
		}},
		{wire.CodeTerminal, "The sudo rules insist on a terminal, and sudo did not take the one that it was given.", []string{"must have a tty"}},
		{wire.CodeUnsupported, option, []string{
			"invalid option", "unrecognized option", "unknown option", "unexpected argument", "SELinux",
		}},
		{wire.CodeHop, broken, []string{
			"must be owned by uid 0", "effective uid is not 0", "no new privileges", "no valid sudoers sources",
			"parse error in", "syntax error", "unable to open", "unable to initialize",
		}},
	}
	var out []wire.Failure
	for _, f := range all {
		for _, w := range f.words {
			out = append(out, wire.Failure{Contains: w, Code: f.code, Hint: f.hint})
		}
	}
	return append(out,
		wire.Failure{Exit: 127, Code: wire.CodeHop, Hint: "Set path in the sudo hop if sudo lies elsewhere on that machine."},
		wire.Failure{Code: wire.CodeHop})
}
