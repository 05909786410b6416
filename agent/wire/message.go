package wire

import "time"

// Capability is the protocol's number; a peer with another one is refused with both versions named.
const Capability = 1

// Hello is how a peer introduces itself.
type Hello struct {
	Capability int    `cbor:"1,keyasint"`
	Nonce      string `cbor:"2,keyasint"` // as given on its command line
	Hash       string `cbor:"3,keyasint"` // SHA-256 of its executable, hex
	Version    string `cbor:"4,keyasint"`
	OS         string `cbor:"5,keyasint"` // GOOS
	Arch       string `cbor:"6,keyasint"` // GOARCH
	Target     Target `cbor:"7,keyasint"`
	Facts      Facts  `cbor:"8,keyasint"`
	Boot       string `cbor:"9,keyasint,omitempty"` // differs after each start of the machine's kernel; "" if that cannot be told
}

// Target is what a lane belongs to: one user of one running system.
type Target struct {
	Machine string `cbor:"1,keyasint"` // hash of boot id, pid namespace and root directory
	User    string `cbor:"2,keyasint"` // numeric user id
}

// Facts are what language.md calls self.facts. The CBOR names are the language's.
type Facts struct {
	OS             OSFacts             `cbor:"os"`
	Arch           string              `cbor:"arch"` // what uname -m prints
	Kernel         string              `cbor:"kernel"`
	Hostname       string              `cbor:"hostname"`
	FQDN           string              `cbor:"fqdn"`
	CPUs           int                 `cbor:"cpus"`
	MemoryBytes    int64               `cbor:"memory_bytes"`
	User           UserFacts           `cbor:"user"`
	MachineID      string              `cbor:"machine_id"`
	Virtualization string              `cbor:"virtualization"`
	PackageManager string              `cbor:"package_manager"`
	ServiceManager string              `cbor:"service_manager"`
	Interfaces     map[string]NetFacts `cbor:"interfaces"`
	Mounts         []MountFacts        `cbor:"mounts"`
	Env            map[string]string   `cbor:"env"` // sensitive
	TimeZone       string              `cbor:"time_zone"`
}

// OSFacts come from os-release or its like.
type OSFacts struct {
	Family  string `cbor:"family"` // debian, rhel, alpine, darwin, freebsd, …
	ID      string `cbor:"id"`
	Version string `cbor:"version"`
	Name    string `cbor:"name"`
}

// UserFacts come from the user database of the target.
type UserFacts struct {
	Name  string `cbor:"name"`
	UID   int    `cbor:"uid"`
	GID   int    `cbor:"gid"`
	Home  string `cbor:"home"`
	Shell string `cbor:"shell"`
}

// NetFacts describe one network interface.
type NetFacts struct {
	MAC       string   `cbor:"mac"`
	MTU       int      `cbor:"mtu"`
	Up        bool     `cbor:"up"`
	Addresses []string `cbor:"addresses"` // with prefix length
}

// MountFacts describe one mount; nothing in it asks the file system itself.
type MountFacts struct {
	Path    string `cbor:"path"`
	Device  string `cbor:"device"`
	Type    string `cbor:"type"`
	Options string `cbor:"options"`
}

// Open asks a peer to start a child. Everything the parent needs is in it: a transport is data.
type Open struct {
	Nonce    string    `cbor:"1,keyasint"` // random, hex; the child's hello repeats it
	Name     string    `cbor:"2,keyasint"` // of the hop, for errors: "sudo root"
	Attempts []Attempt `cbor:"3,keyasint"` // in order; the next is tried where Next matches
	// Timeout is how long the parent gives the child to say hello, counted from the moment it starts it; 0: no limit.
	// A child that takes longer is ended and reported lost with CodeTimeout and what it has printed so far.
	Timeout time.Duration `cbor:"4,keyasint,omitempty"`
}

// Entry says how an agent gets to the other side of a hop.
type Entry uint8

// The entries.
const (
	EntryShell     Entry = iota + 1 // /bin/sh runs the bootstrap script, behind Argv
	EntryPath                       // the agent lies at Path on the other side: run it, behind Argv
	EntryCopy                       // put the agent at Path with Copy (a tar stream on its standard input), then as EntryPath
	EntryNamespace                  // join the namespaces of the process that Inspect prints; the parent must be root
)

// Attempt is one way to start the child.
type Attempt struct {
	Entry    Entry             `cbor:"1,keyasint"`
	Argv     []string          `cbor:"2,keyasint"`           // program and arguments that lead to the other side; never a shell string
	Env      map[string]string `cbor:"3,keyasint,omitempty"` // added to the parent's own; the child restores what the parent had
	Terminal bool              `cbor:"4,keyasint,omitempty"` // a controlling terminal for prompts; the standard streams stay pipes
	Prompt   *Prompt           `cbor:"5,keyasint,omitempty"`
	Path     string            `cbor:"6,keyasint,omitempty"`  // for EntryPath and EntryCopy; "%h" stands for the agent's hash
	Copy     []string          `cbor:"7,keyasint,omitempty"`  // argv for EntryCopy
	Inspect  []string          `cbor:"8,keyasint,omitempty"`  // argv for EntryNamespace; prints the process id and the user, separated by a space
	Failures []Failure         `cbor:"9,keyasint,omitempty"`  // first match wins
	Expands  bool              `cbor:"10,keyasint,omitempty"` // Argv hands what follows it to a shell that expands "$" and takes all else as it is
	Account  bool              `cbor:"11,keyasint,omitempty"` // the other side is another system: HOME, SHELL, LOGNAME and USER become those of the account there
}

// Prompt is a question that the hop's program may ask on its terminal, and the one answer it gets.
type Prompt struct {
	Marker string `cbor:"1,keyasint,omitempty"` // what the program was told to print; empty: it has no such option
	Secret []byte `cbor:"2,keyasint"`
}

// Failure turns what a failing program printed into a named error.
type Failure struct {
	Contains string `cbor:"1,keyasint,omitempty"` // text in what it printed; empty matches any
	Exit     int    `cbor:"2,keyasint,omitempty"` // exit status; 0 matches any
	Code     Code   `cbor:"3,keyasint"`
	Hint     string `cbor:"4,keyasint,omitempty"` // a full sentence: what to do
	Next     bool   `cbor:"5,keyasint,omitempty"` // no error: go on with the next attempt
}

// Code names why a peer was lost, a call failed or a frame was refused. Text is for people, codes are for programs.
type Code string

// The codes.
const (
	CodeClosed      Code = "closed"      // the controller asked for it
	CodeEnded       Code = "ended"       // the hop's program ended or closed its output
	CodeNoise       Code = "noise"       // too much text before the hello, or none of ours
	CodeSilent      Code = "silent"      // nothing heard for too long
	CodeStart       Code = "start"       // the hop's program could not be started
	CodeTimeout     Code = "timeout"     // connect_timeout or the call's own timeout
	CodePassword    Code = "password"    // the password was refused
	CodeNoPassword  Code = "no_password" // a password was asked for and none is configured
	CodeTerminal    Code = "terminal"    // no terminal could be had
	CodeNoExec      Code = "noexec"      // no directory allows the agent to be stored and run
	CodePlatform    Code = "platform"    // no agent for that platform
	CodeVersion     Code = "version"     // the agent is not the one this controller was built with
	CodeProtocol    Code = "protocol"    // a frame that must not be
	CodeTooLarge    Code = "too_large"
	CodeFull        Code = "full" // a capped table is full
	CodeUnsupported Code = "unsupported"
	CodeHop         Code = "hop"       // the hop's program refused, in its own words
	CodeArguments   Code = "arguments" // the action cannot take its arguments
	CodeAction      Code = "action"    // the action failed
	CodeExit        Code = "exit"      // a process ended with a status that is not ok
	CodeSignal      Code = "signal"
	CodeCancelled   Code = "cancelled"
	CodePipeline    Code = "pipeline" // an earlier call of the same pipeline failed; this one was not started
	CodeLocked      Code = "locked"   // the target is another run's; the call was not started
	CodeLost        Code = "lost"     // contact was lost; what the call did is not known
)

// Problem is an error that crosses the wire.
type Problem struct {
	Code    Code   `cbor:"1,keyasint"`
	Message string `cbor:"2,keyasint"`           // lower case, without the place
	Hint    string `cbor:"3,keyasint,omitempty"` // a full sentence: what to do
	Quote   string `cbor:"4,keyasint,omitempty"` // last words of the other program, at most 4 KiB, as it printed them
}

// Error makes a Problem an error; the quote and the hint are the caller's to show.
func (p *Problem) Error() string { return p.Message }

// Lost tells that a peer is gone.
type Lost struct {
	Problem Problem `cbor:"1,keyasint"`
	Ready   bool    `cbor:"2,keyasint"` // it had said hello; otherwise none of its calls was started
}

// Mode says what a call may do.
type Mode uint8

// The modes.
const (
	ModeLook Mode = iota + 1 // preview: change nothing on the target
	ModeApply
)

// Call asks a peer to do one thing.
type Call struct {
	Action   string            `cbor:"1,keyasint"`
	Args     []byte            `cbor:"2,keyasint,omitempty"` // CBOR map of the action's arguments
	Mode     Mode              `cbor:"3,keyasint"`
	Pipeline uint32            `cbor:"4,keyasint,omitempty"` // calls of one pipeline are cancelled from the first failure on; 0: none
	Flags    Flags             `cbor:"5,keyasint,omitempty"`
	Lane     string            `cbor:"6,keyasint,omitempty"` // "": the target's default lane
	Timeout  time.Duration     `cbor:"7,keyasint,omitempty"` // 0: none
	Env      map[string]string `cbor:"8,keyasint,omitempty"`
	Unknown  []string          `cbor:"9,keyasint,omitempty"` // ModeLook: arguments that are not known yet
	// Elsewhere is, for ModeLook, what earlier tasks would leave that this peer has not looked at itself.
	Elsewhere []Elsewhere `cbor:"10,keyasint,omitempty"`
}

// Actions that are not the language's, and that both sides have to know.
const (
	ActionLock  = "lock"   // Lock
	ActionHold  = "hold"   // Hold
	ActionWiden = "widen"  // no arguments; Widened
	ActionFlush = "syncfs" // no arguments; has what was changed on the disk
	ActionOwn   = "own"    // an action of the user's own, brought along
	ActionRaw   = "raw"    // Raw; RawEnd
)

// Raw are the arguments of ActionRaw: a command line for the other side of a hop, where no agent is started. What it prints is the
// call's output.
type Raw struct {
	Open  Open     `cbor:"open"` // the first attempt counts
	Argv  []string `cbor:"argv"`
	Stdin bool     `cbor:"stdin"` // the call's input is what it reads
}

// RawEnd is the result of ActionRaw: how the hop's program has ended, and with it the command line.
type RawEnd struct {
	Reason string `cbor:"reason"` // exit, signal, timeout or cancelled
	Status int    `cbor:"status"`
	Signal string `cbor:"signal"`
}

// Lock are the arguments of ActionLock: from then on the target is that run's, for as long as one of its agents is
// there. Calls that come later and need a lane wait for it, and are refused with CodeLocked if it is not given.
type Lock struct {
	Run     Run           `cbor:"run"`
	Timeout time.Duration `cbor:"timeout"` // how long it may wait for another run to end
}

// Widened is the result of ActionWiden: where its peer takes further streams for a short time, and how both sides know
// each other there.
type Widened struct {
	Address string `cbor:"address"` // on the peer's machine
	Key     []byte `cbor:"key"`     // WidenKeySize random bytes: the first half is said by who connects, the other one answered
}

// What a peer that was asked to widen its link gives.
const (
	WidenKeySize = 32 // bytes
	MaxSides     = 3  // further streams of one link
)

// Run tells people whose a lock is.
type Run struct {
	ID      string    `cbor:"id"`
	By      string    `cbor:"by"`      // who started it, and where: alice@laptop
	Command string    `cbor:"command"` // apply, exec
	Since   time.Time `cbor:"since"`   // it has the lock, by the target's clock; zero before
}

// Elsewhere is a path that an earlier task would write to or remove.
type Elsewhere struct {
	Path    string `cbor:"1,keyasint"`
	Removed bool   `cbor:"2,keyasint,omitempty"`
}

// Flags of a call.
type Flags uint16

// The flags.
const (
	FlagContinue  Flags = 1 << iota // a failure does not cancel the pipeline (on_failure = "continue")
	FlagAlways                      // runs even when the pipeline was cancelled
	FlagLive                        // output is streamed as well
	FlagNoLane                      // needs no lane (dial, facts, shell)
	FlagUnsettled                   // ModeLook: something that this pipeline has not looked at would change before
	FlagState                       // ModeLook: Change.State is wanted, because Before must not be kept
	FlagWholeDiff                   // a long diff is wanted whole
	FlagDisturbed                   // ModeLook: a program would run before, after which anything can be there
)

// Started tells that a call runs, if that takes a while; or for whom it waits, if that does.
type Started struct {
	At    time.Time `cbor:"1,keyasint,omitzero"`  // the target's clock
	Waits string    `cbor:"2,keyasint,omitempty"` // for whom, in words; "": it runs
}

// Cancel ends a call: politely first, at once when Kill is set, only a waiting one when Queued is set.
type Cancel struct {
	Kill   bool `cbor:"1,keyasint,omitempty"`
	Queued bool `cbor:"2,keyasint,omitempty"` // only if it has not started
}

// Credit allows N more bytes on the frame's stream.
type Credit struct {
	N    uint32 `cbor:"1,keyasint"`
	From int64  `cbor:"2,keyasint,omitempty"` // so many bytes of a fed input have come: the rest is the controller's to send
}

// Hold are the arguments of ActionHold: content, which is its input, for the inputs of other calls.
type Hold struct {
	Size   int64  `cbor:"size"`
	SHA256 string `cbor:"sha256"` // hexadecimal
}

// Feed names the call that gets the content that another one holds.
type Feed struct {
	Peer PeerID `cbor:"1,keyasint"`
	Call CallID `cbor:"2,keyasint"`
}

// Result ends a call.
type Result struct {
	Problem *Problem      `cbor:"1,keyasint,omitempty"`
	Change  Change        `cbor:"2,keyasint"`
	Values  []byte        `cbor:"3,keyasint,omitempty"` // attributes: what the action documents as its result
	Started time.Time     `cbor:"4,keyasint,omitzero"`  // the target's clock, after the lane was taken; zero: it was not started
	Elapsed time.Duration `cbor:"5,keyasint"`
}

// Verb says what a change is.
type Verb string

// The verbs, as planned_change shows them.
const (
	VerbNone   Verb = "none"
	VerbCreate Verb = "create"
	VerbUpdate Verb = "update"
	VerbRemove Verb = "remove"
	VerbRun    Verb = "run"
	VerbRead   Verb = "read"
)

// Change is what an action would do, or did.
type Change struct {
	Verb    Verb     `cbor:"1,keyasint"`
	Before  []byte   `cbor:"2,keyasint,omitempty"` // attributes, absent on create
	After   []byte   `cbor:"3,keyasint,omitempty"` // attributes, absent on remove
	Diff    string   `cbor:"4,keyasint,omitempty"` // unified diff of the content, shortened with a note
	Unknown []string `cbor:"5,keyasint,omitempty"` // attributes that only the run will give
	Why     string   `cbor:"7,keyasint,omitempty"` // in words, why something is unknown ("": because of an argument, or of a task before this one), or may be refused
	State   []byte   `cbor:"6,keyasint,omitempty"` // with FlagState, and of what is removed: differs when what was looked at has changed in between
}

// Refused answers a frame that could not be taken.
type Refused struct {
	Kind    Kind    `cbor:"1,keyasint"` // of the refused frame
	Problem Problem `cbor:"2,keyasint"`
}
