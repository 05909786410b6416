// Package catalog lists the actions: what the agent can do, and what the language and the reference know of each. The two
// lists are apart so that the agent links none of the descriptions.
package catalog

import (
	"runner/agent/action"
	"runner/agent/action/accounts"
	"runner/agent/action/edit"
	"runner/agent/action/files"
	"runner/agent/action/packages"
	"runner/agent/action/programs"
	"runner/agent/action/services"
	"runner/agent/action/sources"
	"runner/agent/action/system"
	"runner/agent/action/trees"
	"runner/agent/action/waiting"
	"runner/agent/schema"
	"runner/agent/wire"
)

// All is what the agent can do.
func All() []action.Definition {
	return []action.Definition{
		{Name: "file", Preview: action.Exact, New: func() action.Action { return new(files.File) }},
		{Name: "directory", Preview: action.Exact, New: func() action.Action { return new(files.Directory) }},
		{Name: "symlink", Preview: action.Exact, New: func() action.Action { return new(files.Symlink) }},
		{Name: "remove", Preview: action.Exact, New: func() action.Action { return new(files.Remove) }},
		{Name: "line", Preview: action.Exact, New: edit.NewLine},
		{Name: "block", Preview: action.Exact, New: edit.NewBlock},
		{Name: "replace", Preview: action.Exact, New: edit.NewReplace},
		{Name: "ini", Preview: action.Exact, New: edit.NewIni},
		{Name: "stat", Preview: action.Exact, New: func() action.Action { return new(files.Stat) }},
		{Name: "read", Preview: action.Exact, New: func() action.Action { return new(files.Read) }},
		{Name: "find", Preview: action.Exact, New: func() action.Action { return new(files.Find) }},
		{Name: "sync", Preview: action.Exact, New: func() action.Action { return new(trees.Sync) }},
		{Name: "fetch", Preview: action.Exact, New: func() action.Action { return new(trees.Fetch) }},
		{Name: "git", Preview: action.Exact, New: func() action.Action { return new(sources.Git) }},
		{Name: "download", Preview: action.Exact, New: func() action.Action { return new(sources.Download) }},
		{Name: "extract", Preview: action.Exact, New: func() action.Action { return new(sources.Extract) }},
		{Name: "package", Preview: action.Exact, New: func() action.Action { return new(packages.Package) }},
		{Name: "repository", Preview: action.Exact, New: func() action.Action { return new(packages.Repository) }},
		{Name: "service", Preview: action.Exact, New: func() action.Action { return new(services.Service) }},
		{Name: "unit", Preview: action.Exact, New: func() action.Action { return new(services.Unit) }},
		{Name: "user", Preview: action.Exact, New: func() action.Action { return new(accounts.User) }},
		{Name: "group", Preview: action.Exact, New: func() action.Action { return new(accounts.Group) }},
		{Name: "authorized_key", Preview: action.Exact, New: func() action.Action { return action.Compose(new(accounts.AuthorizedKey)) }},
		{Name: "cron", Preview: action.Exact, New: func() action.Action { return action.Compose(new(accounts.Cron)) }},
		{Name: "mount", Preview: action.Exact, New: func() action.Action { return action.Compose(new(system.Mount)) }},
		{Name: "sysctl", Preview: action.Exact, New: func() action.Action { return action.Compose(new(system.Sysctl)) }},
		{Name: "hostname", Preview: action.Exact, New: func() action.Action { return action.Compose(new(system.Hostname)) }},
		{Name: "timezone", Preview: action.Exact, New: func() action.Action { return action.Compose(new(system.Timezone)) }},
		{Name: "command", Preview: action.Runs, New: func() action.Action { return new(programs.Command) }},
		{Name: "shell", Preview: action.Runs, New: func() action.Action { return new(programs.Shell) }},
		{Name: "script", Preview: action.Runs, New: func() action.Action { return new(programs.Script) }},
		{Name: "reboot", Preview: action.Runs, New: func() action.Action { return new(programs.Reboot) }},
		{Name: "wait", Preview: action.Runs, New: func() action.Action { return new(waiting.Wait) }},
		{Name: wire.ActionOwn, Preview: action.Exact, New: func() action.Action { return new(programs.Own) }},
	}
}

// Schemas describes the same actions, by name.
func Schemas() map[string]schema.Block {
	out := map[string]schema.Block{}
	for _, b := range []schema.Block{
		files.FileSchema(),
		files.DirectorySchema(),
		files.SymlinkSchema(),
		files.RemoveSchema(),
		edit.LineSchema(),
		edit.BlockSchema(),
		edit.ReplaceSchema(),
		edit.IniSchema(),
		files.StatSchema(),
		files.ReadSchema(),
		files.FindSchema(),
		trees.SyncSchema(),
		trees.FetchSchema(),
		sources.GitSchema(),
		sources.DownloadSchema(),
		sources.ExtractSchema(),
		packages.PackageSchema(),
		packages.RepositorySchema(),
		services.ServiceSchema(),
		services.UnitSchema(),
		accounts.UserSchema(),
		accounts.GroupSchema(),
		accounts.AuthorizedKeySchema(),
		accounts.CronSchema(),
		system.MountSchema(),
		system.SysctlSchema(),
		system.HostnameSchema(),
		system.TimezoneSchema(),
		programs.CommandSchema(),
		programs.ShellSchema(),
		programs.ScriptSchema(),
		programs.RebootSchema(),
		waiting.WaitSchema(),
	} {
		out[b.Name] = b
	}
	return out
}
