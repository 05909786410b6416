package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"filippo.io/age"
	"github.com/hashicorp/hcl/v2"

	"runner/cmd/runner/agents"
	"runner/cmd/runner/build"
	"runner/cmd/runner/cli/arguments"
	"runner/cmd/runner/cli/recorded"
	"runner/cmd/runner/cli/saved"
	"runner/executor"
	"runner/executor/event"
	"runner/lang"
	"runner/lang/diag"
	"runner/planner/planfile"
)

// saving is a plan that is to be saved.
type saving struct {
	*saved.Maker
	recipients []age.Recipient
}

// saves prepares to save a plan, if that was asked for.
func (s *session) saves(a arguments.Plan) error {
	if a.Out == "" {
		return nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("cannot find out the working directory: %w", err)
	}
	out := &saving{Maker: saved.NewMaker(dir)}
	for _, text := range a.SealTo {
		r, err := saved.Recipients(text)
		if err != nil {
			return fmt.Errorf("--seal-to %s: %w", text, err)
		}
		out.recipients = append(out.recipients, r...)
	}
	s.saving, s.source, s.recorder = out, out.Files, out.Files
	out.Emit(event.Version{Format: event.Format, Runner: build.Version()})
	return nil
}

// save writes the plan file.
func (r *run) save(a arguments.Plan, site *lang.Site, summary executor.Summary, hosts []planfile.Host) exitCode {
	fail := func(format string, args ...any) exitCode {
		r.diagnose(hcl.Diagnostics{diag.Errorf(diag.PlanFile, hcl.Range{}, "The plan was not saved", format, args...)})
		return exitWrong
	}
	switch {
	case summary.Interrupted:
		return exitDone // it was said that there is no plan
	case summary.Unhandled > 0 || summary.Err != nil:
		r.diagnose(hcl.Diagnostics{diag.Warningf(diag.PlanFile, hcl.Range{}, "The plan was not saved",
			"A task would fail. A plan is saved when it can be applied as it is.")})
		return exitDone
	}
	digest, err := agentsDigest()
	if err != nil {
		return fail("%s.", diag.Capital(err.Error()))
	}
	content, err := r.saving.Content(saved.Input{
		ID: r.id, Runner: build.Version(), Agents: digest, Site: site, Plan: r.plan, Hosts: hosts, Recipients: r.saving.recipients,
		Request: recorded.Request(a.Site),
	})
	if secret, ok := errors.AsType[*saved.SecretError](err); ok {
		return fail("%s. Let a sensitive variable give that value: it is not saved, and given again to apply. Or seal the plan to a key with --seal-to.",
			diag.Capital(secret.Error()))
	}
	if err == nil {
		err = saved.Write(a.Out, content)
	}
	if err != nil {
		return fail("%s.", diag.Capital(err.Error()))
	}
	if !r.json {
		r.hide()
		fmt.Fprintf(r.program.Err, "\nThe plan is saved. To do just that: runner apply %s\n", a.Out) //nolint:errcheck // nowhere to tell
		for _, w := range content.File.Site.Again {
			if len(r.saving.recipients) == 0 {
				fmt.Fprintf(r.program.Err, "The %s %s is sensitive and not in the file: give it again then.\n", what(w.Kind), w.Name) //nolint:errcheck // nowhere to tell
			}
		}
	}
	return exitDone
}

// what is a kind of withheld thing in words.
func what(k planfile.Kind) string {
	switch k {
	case planfile.Environment:
		return "environment variable"
	case planfile.Variable, planfile.SourceFile, planfile.Program:
	}
	return string(k)
}

// agentsDigest tells the embedded agents from those of another build.
func agentsDigest() (string, error) {
	source, err := agents.Load()
	if err != nil {
		return "", fmt.Errorf("%w", err)
	}
	sum := sha256.New()
	for _, a := range source.List() {
		fmt.Fprintf(sum, "%s/%s %s\n", a.OS, a.Arch, a.Hash) //nolint:errcheck // never fails
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
