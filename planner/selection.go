package planner

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"runner/lang"
	"runner/lang/diag"
)

// Selection narrows a run to some hosts and tasks.
type Selection struct {
	Limit    []string // --limit: host names, globs, label=value, @group, ! excludes; commas join
	Tags     []string // --tags
	SkipTags []string // --skip-tags
	Targets  []string // --target: addresses of jobs or tasks
}

// selected is a Selection applied to a site.
type selected struct {
	hosts    map[string]bool // nil: all
	jobs     map[string]bool
	tasks    map[string]bool // by address; nil: all
	tags     []string
	skipTags []string
}

// targets says whether a task or handler is among the targets, if there are any.
func (s selected) targets(t *lang.Task) bool { return s.tasks == nil || s.tasks[t.Address] }

// takes says whether a task is in the run.
func (s selected) takes(t *lang.Task) bool {
	if !s.targets(t) {
		return false
	}
	if overlap(t.Tags, s.skipTags) {
		return false
	}
	return len(s.tags) == 0 || overlap(t.Tags, s.tags)
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

func (s Selection) apply(site *lang.Site) (selected, hcl.Diagnostics) {
	out := selected{jobs: map[string]bool{}, tags: split(s.Tags), skipTags: split(s.SkipTags)}
	var diags hcl.Diagnostics
	if limit := split(s.Limit); len(s.Limit) > 0 {
		var d hcl.Diagnostics
		out.hosts, d = MatchHosts(site, limit)
		diags = append(diags, d...)
	}
	for _, job := range site.Jobs {
		out.jobs[job.Name] = true
	}
	if len(s.Targets) > 0 {
		diags = append(diags, out.target(site, split(s.Targets))...)
	}
	// Nothing is not everything: an empty variable in a script must not widen a run, nor quietly empty it.
	for flag, values := range map[string][]string{"--tags": s.Tags, "--skip-tags": s.SkipTags, "--target": s.Targets} {
		if len(values) > 0 && len(split(values)) == 0 {
			diags = append(diags, diag.Errorf(diag.NoMatch, hcl.Range{}, "Nothing is selected", "%s was given without anything to select.", flag))
		}
	}
	diags = append(diags, checkTags(site, slices.Concat(out.tags, out.skipTags))...)
	return out, diags
}

// Patterns are those that a flag joins by commas.
func Patterns(list string) []string { return split([]string{list}) }

func split(patterns []string) []string {
	var out []string
	for _, p := range patterns {
		for part := range strings.SplitSeq(p, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

// MatchHosts returns the names of the hosts that match the patterns of --limit: names, globs, label=value, @group, each with !
// in front to exclude. When only exclusions are given they take away from all hosts. A pattern without a host is an
// error.
func MatchHosts(site *lang.Site, patterns []string) (map[string]bool, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	in, out := map[string]bool{}, map[string]bool{}
	including := false
	if len(patterns) == 0 {
		diags = append(diags, diag.Errorf(diag.NoMatch, hcl.Range{}, "No such host", "An empty pattern matches no host."))
	}
	for _, pattern := range patterns {
		bare, exclude := strings.CutPrefix(pattern, "!")
		into := in
		if exclude {
			into = out
		} else {
			including = true
		}
		found := false
		for _, h := range site.Hosts {
			if matchHost(bare, h) {
				into[h.Name] = true
				found = true
			}
		}
		if !found {
			diags = append(diags, noHost(site, bare))
		}
	}
	result := map[string]bool{}
	for _, h := range site.Hosts {
		if (in[h.Name] || !including) && !out[h.Name] {
			result[h.Name] = true
		}
	}
	if len(result) == 0 && !diags.HasErrors() {
		diags = append(diags, diag.Errorf(diag.NoMatch, hcl.Range{}, "No host is left",
			"The pattern %s excludes every host of the site.", diag.Quote(strings.Join(patterns, ","))))
	}
	return result, diags
}

func matchHost(pattern string, h *lang.Host) bool {
	if group, ok := strings.CutPrefix(pattern, "@"); ok {
		groups := h.GroupNames()
		return len(groups) > 0 && group == "all" || slices.ContainsFunc(groups, func(g string) bool { return globMatch(group, g) })
	}
	if name, value, ok := strings.Cut(pattern, "="); ok {
		label, has := h.Labels[name]
		return has && globMatch(value, label)
	}
	bare := strings.ReplaceAll(h.Name, `"`, "") // web[a] stands for web["a"]
	pattern = strings.ReplaceAll(pattern, `"`, "")
	return globMatch(pattern, bare)
}

// globMatch matches * and ? and takes brackets as they are: they are part of host names.
func globMatch(pattern, name string) bool {
	escaped := strings.NewReplacer(`\`, `\\`, "[", `\[`, "/", "\x01").Replace(pattern)
	ok, err := path.Match(escaped, strings.ReplaceAll(name, "/", "\x01"))
	return ok && err == nil
}

// noHost says that a pattern matches nothing, and which host, group or label it may have meant.
func noHost(site *lang.Site, pattern string) *hcl.Diagnostic {
	meant := near(site, strings.ReplaceAll(pattern, `"`, ""))
	if pattern == "all" {
		meant = "*"
	}
	return diag.Errorf(diag.NoMatch, hcl.Range{}, "No such host", "The pattern %s matches no host of the site.%s", diag.Quote(pattern), diag.Meant(meant))
}

// near returns the pattern of a host, group or label that is like one which matches nothing. It looks at one kind after
// the other: a site may have too many of one to be looked at.
func near(site *lang.Site, pattern string) string {
	// What may have been meant, by what is written for it.
	names, keys, groups, labels := map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}
	for _, h := range site.Hosts {
		name := strings.ReplaceAll(h.Name, `"`, "")
		names[name] = name
		if _, key, ok := strings.Cut(strings.TrimSuffix(name, "]"), "["); ok {
			keys[key] = name
		}
		for _, g := range h.GroupNames() {
			groups["@"+g], keys[g] = "@"+g, "@"+g
		}
		for label, value := range h.Labels {
			labels[label+"="+value] = label + "=" + value
		}
	}
	kinds := []map[string]string{names, keys}
	switch {
	case keys[pattern] != "":
		return keys[pattern]
	case strings.HasPrefix(pattern, "@"):
		kinds = []map[string]string{groups}
	case strings.Contains(pattern, "="):
		kinds = append(kinds, labels)
	}
	for _, kind := range kinds {
		if found := diag.Suggest(pattern, diag.Candidates(kind)); found != "" {
			return kind[found]
		}
	}
	return ""
}

// target keeps the tasks that the addresses name and what they depend on.
func (s *selected) target(site *lang.Site, targets []string) hcl.Diagnostics {
	var diags hcl.Diagnostics
	jobs := map[string]*lang.Job{}
	tasks := map[string]*lang.Task{}
	owner := map[string]*lang.Job{}
	for _, j := range site.Jobs {
		jobs["job."+j.Name] = j
		for _, t := range slices.Concat(j.Tasks, j.Handlers) {
			tasks[t.Address] = t
			owner[t.Address] = j
		}
	}
	s.jobs, s.tasks = map[string]bool{}, map[string]bool{}
	var addJob func(*lang.Job)
	var addTask func(*lang.Task)
	dependencies := func(j *lang.Job) {
		if s.jobs[j.Name] {
			return
		}
		s.jobs[j.Name] = true
		for _, name := range j.DependsOn {
			addJob(jobs["job."+name])
		}
	}
	addTask = func(t *lang.Task) {
		if s.tasks[t.Address] {
			return
		}
		s.tasks[t.Address] = true
		dependencies(owner[t.Address])
		for _, need := range t.Needs {
			if n := tasks[need]; n != nil {
				addTask(n)
			}
		}
		for _, address := range t.Notify {
			addTask(tasks[address])
		}
	}
	addJob = func(j *lang.Job) {
		if j == nil {
			return
		}
		dependencies(j)
		for _, t := range slices.Concat(j.Tasks, j.Handlers) {
			addTask(t)
		}
	}
	known := addressesOf(site)
	for _, a := range targets {
		switch {
		case jobs[a] != nil:
			addJob(jobs[a])
		case tasks[a] != nil && slices.Contains(owner[a].Handlers, tasks[a]):
			diags = append(diags, diag.Errorf(diag.NoMatch, hcl.Range{}, "No such target",
				"%s is a handler, which runs when a task notifies it. Target that task.", diag.Quote(a)))
		case tasks[a] != nil:
			addTask(tasks[a])
		case tasks[withoutKey(a)] != nil:
			diags = append(diags, diag.Errorf(diag.NoMatch, hcl.Range{}, "No such target",
				"%s is one element of a task; a target is a task with all of them: %s.", diag.Quote(a), diag.Quote(withoutKey(a))))
		default:
			diags = append(diags, diag.Errorf(diag.NoMatch, hcl.Range{}, "No such target",
				"No job or task has the address %s.%s", diag.Quote(a), known.near(a)))
		}
	}
	return diags
}

// addresses are those of the jobs and tasks of a site, to suggest one.
type addresses struct {
	tasks []string          // sorted
	jobs  map[string]string // by their names alone: what people leave out is job and task
	all   map[string]string
}

func addressesOf(site *lang.Site) *addresses {
	a := &addresses{jobs: map[string]string{}, all: map[string]string{}}
	for _, j := range site.Jobs {
		a.jobs[names("job."+j.Name)] = "job." + j.Name
		for _, t := range j.Tasks { // no handlers: they are no targets
			a.tasks = append(a.tasks, t.Address)
			a.all[names(t.Address)] = t.Address
		}
	}
	maps.Copy(a.all, a.jobs)
	slices.Sort(a.tasks)
	return a
}

// near suggests the address that one without a job or task was likely meant to be.
func (a *addresses) near(address string) string {
	inRole := func(task string) bool { return strings.HasPrefix(task, address+".") }
	if i := slices.IndexFunc(a.tasks, inRole); i >= 0 {
		return " That is a role; a target is a job or one of the tasks, such as " + diag.Quote(a.tasks[i]) + "."
	}
	given := names(withoutKey(address))
	if a.all[given] == "" {
		candidates := diag.Candidates(a.all)
		if strings.Contains(given, ".") { // a job is but the beginning of the address of a task, which is what was meant
			candidates = slices.DeleteFunc(candidates, func(name string) bool { return a.jobs[name] != "" })
		}
		given = diag.Suggest(given, candidates)
	}
	return diag.Meant(a.all[given])
}

// names are the parts of an address that say which job, role, action and task is meant.
func names(address string) string {
	kinds := []string{"job", "role", "task", "handler"}
	return strings.Join(slices.DeleteFunc(strings.Split(address, "."), func(part string) bool { return slices.Contains(kinds, part) }), ".")
}

// withoutKey is the address of the task of which an address names an element.
func withoutKey(address string) string {
	task, _, _ := strings.Cut(address, "[")
	return task
}

// checkTags finds tags that no task has.
func checkTags(site *lang.Site, tags []string) hcl.Diagnostics {
	var diags hcl.Diagnostics
	var all []string
	for _, j := range site.Jobs {
		for _, t := range j.Tasks {
			all = append(all, t.Tags...)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	for _, tag := range tags {
		if slices.Contains(all, tag) {
			continue
		}
		diags = append(diags, diag.Errorf(diag.NoMatch, hcl.Range{}, "No such tag",
			"No task has the tag %s.%s", diag.Quote(tag), diag.OneOf(tag, all)))
	}
	return diags
}
