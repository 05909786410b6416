package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"runner/transports/ssh/pattern"
)

// Query is what a configuration is asked for.
type Query struct {
	Host      string // as the site says it
	User      string // that the site names; "": the configuration's, then LocalUser
	LocalUser string
}

// Values are what a configuration says for one host, by keyword in lower case.
type Values map[string][]string

// Get returns the value of a keyword, or "" where the configuration has none.
func (v Values) Get(keyword string) string {
	if list := v[keyword]; len(list) > 0 {
		return list[0]
	}
	return ""
}

// UndecidedError tells that a value depends on a condition that is not evaluated here, such as Match exec.
type UndecidedError struct {
	Condition string // the criterion
	Place     string // of the Match line, file:line
	Keyword   string // what would be set
}

func (e *UndecidedError) Error() string {
	return fmt.Sprintf("%s: whether %s is set depends on \"Match %s\", which is not evaluated here", e.Place, e.Keyword, e.Condition)
}

// Resolve returns what the files, the most important first, say for a host. As OpenSSH does, it goes through them a
// second time with the host's final name if there is a "Match final".
func Resolve(files []*File, q Query) (Values, error) {
	r := &resolver{query: q, host: q.Host, values: Values{}}
	if err := r.pass(files); err != nil {
		return nil, err
	}
	if r.wantFinal {
		r.final = true
		r.host = strings.ToLower(r.hostName())
		r.values["hostname"] = []string{strings.ReplaceAll(r.host, "%", "%%")} // settled: no second pass renames it
		if err := r.pass(files); err != nil {
			return nil, err
		}
	}
	return r.values, nil
}

type resolver struct {
	ignored   []string // keywords, as patterns, that need not be known
	query     Query
	host      string // what Host patterns are matched with
	final     bool   // this is the second pass
	wantFinal bool
	values    Values
}

// state tells whether the lines that follow a Host or Match count.
type state struct {
	active  bool
	maybe   string // the criterion that it depends on, if we cannot tell
	place   string // of the line that decided
	include bool   // false within an include that does not count: nothing in it does
}

func (r *resolver) pass(files []*File) error {
	for _, f := range files {
		if err := r.file(f, state{active: true, include: true}); err != nil {
			return err
		}
	}
	return nil
}

func (r *resolver) file(f *File, s state) error {
	for _, d := range f.directives {
		var err error
		switch d.keyword {
		case "host":
			s.active, s.maybe, s.place = s.include && pattern.MatchAny(d.args, r.host), "", d.place
		case "match":
			s.active, s.maybe, err = r.match(d.args)
			if err != nil {
				return &SyntaxError{Place: d.place, Message: err.Error()}
			}
			s.active, s.place = s.active && s.include, d.place
		case "include":
			for _, file := range d.included {
				inner := s
				inner.include = s.active
				if err := r.file(file, inner); err != nil {
					return err
				}
			}
		default:
			if err = r.known(d); err == nil && s.active {
				err = r.set(d, s)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// known refuses a keyword that OpenSSH has not, unless IgnoreUnknown was told before to let it pass.
func (r *resolver) known(d directive) error {
	if isKeyword(d.keyword) || pattern.MatchAny(r.ignored, d.keyword) {
		return nil
	}
	return &SyntaxError{Place: d.place, Message: fmt.Sprintf("OpenSSH has no option %q; IgnoreUnknown would let it pass", d.keyword)}
}

// set takes a value unless an earlier line has given one: the first counts, except where values add up.
func (r *resolver) set(d directive, s state) error {
	_, has := r.values[d.keyword]
	switch d.keyword {
	case "identityfile", "certificatefile":
		if slices.Contains(r.values[d.keyword], d.args[0]) {
			return nil
		}
		d.args = append(r.values[d.keyword], d.args[0])
		has = false
	case "proxyjump":
		_, command := r.values["proxycommand"]
		has = has || command
	case "proxycommand":
		// Of these two the first one counts, whichever it is; but "ProxyJump none" only speaks against jumps.
		jump := r.values.Get("proxyjump")
		has = has || jump != "" && !strings.EqualFold(jump, "none")
	}
	if d.keyword == "ignoreunknown" && r.ignored == nil {
		r.ignored = strings.Split(strings.ToLower(d.args[0]), ",")
	}
	if has || !matters(d.keyword) {
		return nil
	}
	if s.maybe != "" {
		return &UndecidedError{Condition: s.maybe, Place: s.place, Keyword: d.keyword}
	}
	r.values[d.keyword] = d.args
	return nil
}

// matters tells whether transports/ssh uses a keyword. The others are for OpenSSH's client alone.
func matters(keyword string) bool {
	switch keyword {
	case "addressfamily", "certificatefile", "ciphers", "connecttimeout", "globalknownhostsfile", "hashknownhosts",
		"hostkeyalgorithms", "hostkeyalias", "hostname", "identitiesonly", "identityagent", "identityfile",
		"kexalgorithms", "macs", "port", "proxycommand", "proxyjump", "revokedhostkeys", "serveralivecountmax",
		"serveraliveinterval", "stricthostkeychecking", "user", "userknownhostsfile":
		return true
	}
	return false
}

// hostName is the host's name as far as it is known by now.
func (r *resolver) hostName() string {
	if name := r.values.Get("hostname"); name != "" {
		return ExpandTokens(name, map[byte]string{'h': r.query.Host})
	}
	return r.query.Host
}

// match evaluates the criteria of a Match line. If they hold but for one that cannot be told here, that is returned too.
func (r *resolver) match(args []string) (active bool, maybe string, err error) {
	active = true
	for count := 0; len(args) > 0; count++ {
		criterion, value, _ := strings.Cut(args[0], "=")
		args = args[1:]
		name, negated := strings.CutPrefix(strings.ToLower(criterion), "!")
		holds := false
		switch name {
		case "all":
			if len(args) > 0 || count > 1 {
				return false, "", errors.New("\"all\" cannot stand with other criteria")
			}
			holds = true
		case "final", "canonical":
			r.wantFinal = r.wantFinal || name == "final"
			holds = r.final
		default:
			if value == "" {
				if len(args) == 0 {
					return false, "", fmt.Errorf("the criterion %q has no argument", criterion)
				}
				value, args = args[0], args[1:]
			}
			var known bool
			if holds, known = r.criterion(name, value); !known {
				if active && maybe == "" {
					maybe = criterion
				}
				continue
			}
		}
		if holds == negated {
			active = false
		}
	}
	if !active {
		maybe = ""
	}
	return active, maybe, nil
}

// criterion tells whether one holds, and whether that can be told.
func (r *resolver) criterion(name, value string) (holds, known bool) {
	switch name {
	case "host":
		return pattern.MatchHost(value, r.hostName()), true
	case "originalhost":
		return pattern.MatchHost(value, r.query.Host), true
	case "user":
		return pattern.MatchAny(strings.Split(value, ","), r.user()), true
	case "localuser":
		return pattern.MatchAny(strings.Split(value, ","), r.query.LocalUser), true
	}
	return false, false
}

func (r *resolver) user() string {
	for _, name := range []string{r.query.User, r.values.Get("user")} {
		if name != "" {
			return name
		}
	}
	return r.query.LocalUser
}

// ExpandTokens replaces %x by what tokens has for x, and %% by a percent sign. Other tokens stay as they are.
func ExpandTokens(text string, tokens map[byte]string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+1 < len(text) {
			value, ok := tokens[text[i+1]]
			if text[i+1] == '%' {
				value, ok = "%", true
			}
			if ok {
				out.WriteString(value)
				i++
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// ExpandVariables replaces ${NAME} by a variable of the environment.
func ExpandVariables(text string, getenv func(string) string) string {
	for start := 0; ; {
		begin := strings.Index(text[start:], "${")
		if begin < 0 {
			return text
		}
		begin += start
		end := strings.IndexByte(text[begin:], '}')
		if end < 0 {
			return text
		}
		value := getenv(text[begin+2 : begin+end])
		text = text[:begin] + value + text[begin+end+1:]
		start = begin + len(value)
	}
}
