package diag

// The codes. A new one gets its line in Codes; a test finds one that has none.
const (
	// What HCL itself finds, by phase.
	Syntax   Code = "syntax"
	Decode   Code = "decode"
	Evaluate Code = "evaluate"

	// Reading.
	NoSite     Code = "no_site"
	Unreadable Code = "unreadable"
	TooLarge   Code = "too_large"
	TooDeep    Code = "too_deep"

	// Structure.
	UnknownBlock       Code = "unknown_block"
	UnknownArgument    Code = "unknown_argument"
	MissingArgument    Code = "missing_argument"
	UnknownAction      Code = "unknown_action"
	UnknownTransport   Code = "unknown_transport"
	UnknownInventory   Code = "unknown_inventory"
	DuplicateName      Code = "duplicate_name"
	DuplicateBlock     Code = "duplicate_block"
	InvalidName        Code = "invalid_name"
	InvalidType        Code = "invalid_type"
	WrongType          Code = "wrong_type"
	InvalidValue       Code = "invalid_value"
	InvalidRole        Code = "invalid_role"
	OwnAction          Code = "own_action"
	NotSupported       Code = "not_supported"
	UnsupportedVersion Code = "unsupported_version"

	// Variables.
	MissingVariable Code = "missing_variable"
	UnknownVariable Code = "unknown_variable"
	InvalidVariable Code = "invalid_variable"

	// References.
	UnknownReference Code = "unknown_reference"
	LaterReference   Code = "later_reference"
	Cycle            Code = "cycle"
	NotStatic        Code = "not_static"
	Sensitive        Code = "sensitive"
	UnknownFunction  Code = "unknown_function"
	Template         Code = "template"

	// Hosts.
	NoHop     Code = "no_hop"
	NoAddress Code = "no_address"
	BadHop    Code = "bad_hop"

	// Inventories.
	Inventory Code = "inventory"
	Vault     Code = "vault"
	Program   Code = "program"

	// The command line.
	NoMatch    Code = "no_match"
	Arguments  Code = "arguments"
	NoTerminal Code = "no_terminal"
	Password   Code = "ask_password"
	Agents     Code = "agents"
	Resources  Code = "resources"

	// Plan files.
	PlanFile    Code = "plan_file"
	PlanRefused Code = "plan_refused"
	Stale       Code = "stale"

	// Records.
	Records Code = "records"
	Resume  Code = "resume"

	// What a run or a preview finds on a host. Package executor, which must not know this one, gives them.
	TaskFailed  Code = "task_failed"
	Unreachable Code = "unreachable"
	Locked      Code = "locked"
)

// Description is a code and one sentence on when it is given, for the reference.
type Description struct {
	Code Code
	Doc  string
}

// Codes lists all codes, in the order of the reference.
func Codes() []Description {
	return []Description{
		{Syntax, "A file is not well-formed."},
		{Decode, "A block does not have the form that its kind asks for."},
		{Evaluate, "An expression cannot be evaluated."},

		{NoSite, "The path holds no site."},
		{Unreadable, "A file or directory cannot be read."},
		{TooLarge, "A file or a value is larger than the language allows."},
		{TooDeep, "Brackets, blocks or templates are nested deeper than the language allows, or something has more hops."},

		{UnknownBlock, "There is no such block, or not in this place."},
		{UnknownArgument, "The block takes no such argument."},
		{MissingArgument, "The block lacks an argument that it must have."},
		{UnknownAction, "A task names an action that does not exist."},
		{UnknownTransport, "A hop names a transport that does not exist."},
		{UnknownInventory, "An inventory is of a type that does not exist."},
		{DuplicateName, "Two things that share a space of names have the same name."},
		{DuplicateBlock, "A block that may stand only once stands twice."},
		{InvalidName, "A name is not one that the language allows."},
		{InvalidRole, "The source of a role is no directory with the files of a role."},
		{OwnAction, "An action of the user's own cannot be used: because of its file, or of what it says of itself."},
		{InvalidType, "The type of a variable is not a type."},
		{WrongType, "A value does not have the type that its place asks for."},
		{InvalidValue, "A value has the right type, but its place does not take it."},
		{NotSupported, "The language has this, but this version of runner cannot do it yet."},
		{UnsupportedVersion, "The site asks for another version of runner."},

		{MissingVariable, "A variable without a default was given no value."},
		{UnknownVariable, "A value was given for a variable that the site does not declare."},
		{InvalidVariable, "The value of a variable did not pass its own validation."},

		{UnknownReference, "An expression names something that is not declared."},
		{LaterReference, "An expression reads the result of a task that comes later, or of its own."},
		{Cycle, "Hosts, chains, jobs, variables or locals depend on themselves."},
		{NotStatic, "A value must be known before the run, but depends on facts or results."},
		{Sensitive, "A sensitive value stands where it would be shown."},
		{UnknownFunction, "There is no such function."},
		{Template, "A template cannot be parsed or evaluated."},

		{NoHop, "A host has no hop: there is no way to reach it."},
		{NoAddress, "An ssh hop has no address."},
		{BadHop, "A hop cannot be resolved, for example because of what the ssh configuration says about it."},

		{Inventory, "The source of an inventory is not well-formed, or says something that cannot be used."},
		{Vault, "A value of an inventory is encrypted, and it cannot be decrypted with the passwords given."},
		{Program, "The program of an inventory cannot be started, failed, took too long or printed too much."},

		{NoMatch, "A pattern, tag or address given on the command line selects nothing."},
		{Arguments, "The command line itself is wrong: an unknown command or flag, or one without its value."},
		{NoTerminal, "A question has to be asked, and there is no terminal to ask it at."},
		{Password, "A password was asked for by `--ask-password`, and no hop takes it or no answer came."},
		{Agents, "The agents that are embedded in this runner cannot be read."},

		{Resources, "This machine lets the program have less than what was asked for takes."},

		{PlanFile, "A plan cannot be saved, or what a plan file lacks was not given."},
		{PlanRefused, "A plan file cannot be applied: it is damaged, was applied before, or was made by another runner."},
		{Stale, "A plan file cannot be applied, because a host is not any more as it was when the plan was made."},

		{Records, "What a run does cannot be recorded, or a record cannot be read."},
		{Resume, "A run cannot be gone on with, or only by doing something again."},

		{TaskFailed, "A task has failed, or a preview has found that it would."},
		{Unreachable, "A preview could not look at a host."},
		{Locked, "A host has to wait: another run works on it."},
	}
}
