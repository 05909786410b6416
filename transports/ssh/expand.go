package ssh

import (
	"crypto/sha1" //nolint:gosec // what OpenSSH's %C is
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"runner/transports"
	"runner/transports/ssh/config"
)

// maxHops is how many hops one hop of a site may become.
const maxHops = 32

// Expander turns ssh hops of a site into what the ssh configuration makes of them. It reads each file once. It is not
// for concurrent use.
type Expander struct {
	env   Environment
	files map[string]*config.File // by path; nil: does not exist
}

// NewExpander returns an Expander for an environment.
func NewExpander(env Environment) *Expander {
	if env.Open == nil {
		env.Open = func(path string) (fs.File, error) { return os.Open(path) }
	}
	return &Expander{env: env, files: map[string]*config.File{}}
}

// Expand returns the hops that a hop of a site consists of: its ProxyJump hops, each resolved by the configuration
// itself, then the hop. Their options are those that Dial takes, complete: what the site says, then what the
// configuration says. Beside the arguments of the language they may have host_key_alias, hash_known_hosts,
// revoked_host_keys, keepalive_count, address_family, ciphers, macs, kex_algorithms and host_key_algorithms. The option
// config is false in them, so that expanding them again changes nothing. Errors are of type *Error.
func (x *Expander) Expand(options transports.Options) ([]transports.Options, error) {
	if err := check(options); err != nil {
		return nil, &Error{Kind: KindOptions, Message: err.Error(), Cause: err}
	}
	if options.String("address", "") == "" {
		return nil, &Error{Kind: KindOptions, Message: "an ssh hop has no address", Hint: "Say it in the hop or in the host."}
	}
	hops, err := x.expand(options, "", nil)
	if err != nil {
		if _, known := errors.AsType[*Error](err); !known {
			err = &Error{Kind: KindOptions, Message: err.Error(), Cause: err, Hint: configHint(err)}
		}
		return nil, err
	}
	return hops, nil
}

func configHint(err error) string {
	if _, undecided := errors.AsType[*config.UndecidedError](err); undecided {
		return `Say it in the site, give a configuration without that condition in the argument config, or use hop "openssh".`
	}
	return "Correct the ssh configuration, or set config = false in the hop."
}

// expand resolves one hop and the hops before it. via, if it is given, stands for ProxyJump: the hop is reached through
// one that is expanded already. Path holds the hops that this one is needed for.
func (x *Expander) expand(options transports.Options, via string, path []string) ([]transports.Options, error) {
	alias := options.String("address", "")
	if slices.Contains(path, strings.ToLower(alias)) {
		return nil, fmt.Errorf("the ssh configuration leads in a circle: %s", strings.Join(append(path, alias), " → "))
	}
	if len(path) >= maxHops {
		return nil, fmt.Errorf("the ssh configuration leads to %s through more than %d hops", path[0], maxHops)
	}
	values, err := x.resolve(options)
	if err != nil {
		return nil, err
	}
	hop, err := x.effective(options, values)
	if err != nil {
		return nil, err
	}
	if via != "" {
		return []transports.Options{hop}, nil
	}
	if command := values.Get("proxycommand"); command != "" && !isNone(command) {
		return nil, &Error{
			Kind:    KindOptions,
			Message: fmt.Sprintf("the ssh configuration reaches %s by a ProxyCommand", alias),
			Hint:    `If it is "ssh -W", say ProxyJump instead; for any other program use hop "openssh".`,
		}
	}
	var hops []transports.Options
	if jumps := values.Get("proxyjump"); jumps != "" && !isNone(jumps) {
		all := x.tokens(options, hop, values)
		jumps = config.ExpandTokens(jumps, map[byte]string{'h': all['h'], 'n': all['n'], 'p': all['p'], 'r': all['r']})
		if hops, err = x.jumps(jumps, options, append(path, strings.ToLower(alias))); err != nil {
			return nil, err
		}
	}
	return append(hops, hop), nil
}

func isNone(value string) bool { return strings.EqualFold(value, "none") }

// jumps expands a list such as "a,user@b:2222". Only the first one may have hops before it: the others are reached
// through those that stand before them.
func (x *Expander) jumps(list string, target transports.Options, path []string) ([]transports.Options, error) {
	var hops []transports.Options
	via := ""
	for text := range strings.SplitSeq(list, ",") {
		jump, err := parseJump(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		// What the site says about its own hop does not hold for those before it, but for where to look and how long
		// to wait.
		for _, name := range []string{"config", "connect_timeout"} {
			if v, ok := target[name]; ok {
				jump[name] = v
			}
		}
		more, err := x.expand(jump, via, path)
		if err != nil {
			return nil, err
		}
		if hops = append(hops, more...); len(hops) > maxHops {
			return nil, fmt.Errorf("the ssh configuration leads to %s through more than %d hops", path[0], maxHops)
		}
		via = text
	}
	return hops, nil
}

// parseJump reads [user@]host[:port], also as a URL.
func parseJump(text string) (transports.Options, error) {
	rest := strings.TrimSuffix(strings.TrimPrefix(text, "ssh://"), "/")
	jump := transports.Options{}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		jump["user"], rest = rest[:at], rest[at+1:]
	}
	if host, port, err := net.SplitHostPort(rest); err == nil && (strings.HasPrefix(rest, "[") || strings.Count(rest, ":") == 1) {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("ProxyJump %q has no valid port", text)
		}
		jump["port"], rest = float64(number), host
	}
	jump["address"] = trimBrackets(rest)
	if err := check(jump); err != nil || rest == "" {
		return nil, fmt.Errorf("ProxyJump %q names no host: %w", text, err)
	}
	return jump, nil
}

// resolve asks the configuration about a hop.
func (x *Expander) resolve(options transports.Options) (config.Values, error) {
	home := x.env.path("~/.ssh")
	var files []*config.File
	switch path := options["config"].(type) {
	case bool:
		if !path {
			return config.Values{}, nil
		}
	case string:
		file, err := x.load(x.env.path(path), home)
		if err != nil {
			return nil, err
		}
		if file == nil {
			return nil, fmt.Errorf("the ssh configuration %s does not exist", path)
		}
		files = append(files, file)
	}
	if files == nil {
		for _, f := range []struct{ path, dir string }{
			{filepath.Join(home, "config"), home},
			{x.env.SystemConfig, filepath.Dir(x.env.SystemConfig)},
		} {
			file, err := x.load(f.path, f.dir)
			if err != nil {
				return nil, err
			}
			if file != nil {
				files = append(files, file)
			}
		}
	}
	return config.Resolve(files, config.Query{
		Host: options.String("address", ""), User: options.String("user", ""), LocalUser: x.env.User,
	})
}

func (x *Expander) load(path, dir string) (*config.File, error) {
	if file, ok := x.files[path]; ok || path == "" {
		return file, nil
	}
	file, err := config.Load(x.env.Open, path, dir, x.env.Home)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read the ssh configuration: %w", err)
	}
	x.files[path] = file
	return file, nil
}

// effective lays the site's options over the configuration's values.
func (x *Expander) effective(options transports.Options, values config.Values) (transports.Options, error) {
	out := transports.Options{"config": false}
	address := trimBrackets(options.String("address", ""))
	if name := values.Get("hostname"); name != "" {
		address = config.ExpandTokens(name, map[byte]string{'h': address})
	}
	if address = trimBrackets(address); net.ParseIP(address) == nil {
		address = strings.ToLower(address)
	}
	out["address"] = address
	out["port"] = float64(22)
	out["user"] = x.env.User
	err := errors.Join(setLogin(out, values), setTrust(out, values), setTiming(out, values), setAlgorithms(out, values))
	if err != nil {
		return nil, err
	}
	overlay(out, options)
	x.setPaths(out, options, values)
	if err := check(out); err != nil {
		return nil, fmt.Errorf("the ssh configuration for %s cannot be used: %w", options.String("address", ""), err)
	}
	return out, nil
}

// overlay puts the site's options over others, but for the address, which the configuration may translate, and for
// paths, which setPaths has made absolute.
func overlay(out, options transports.Options) {
	for name, v := range options {
		switch name {
		case "address", "config", "keys", "certificates", "known_hosts", "agent":
		default:
			if v != nil {
				out[name] = v
			}
		}
	}
}

func setLogin(out transports.Options, values config.Values) error {
	if user := values.Get("user"); user != "" {
		out["user"] = user
	}
	return setNumber(out, "port", values, "port")
}

func setTrust(out transports.Options, values config.Values) error {
	if alias := values.Get("hostkeyalias"); alias != "" {
		out["host_key_alias"] = alias
	}
	if v := values.Get("hashknownhosts"); v != "" {
		out["hash_known_hosts"] = isYes(v)
	}
	if v := values.Get("identitiesonly"); v != "" {
		out["identities_only"] = isYes(v)
	}
	switch v := values.Get("stricthostkeychecking"); strings.ToLower(v) {
	case "no", "off", "false":
		out["host_key"] = hostKeyIgnore
	case "accept-new":
		out["host_key"] = hostKeyAcceptNew
	case "yes", "true", "ask", "": // nobody can be asked here
	default:
		return fmt.Errorf("StrictHostKeyChecking cannot be %q", v)
	}
	return nil
}

func isYes(v string) bool { return strings.EqualFold(v, "yes") || strings.EqualFold(v, "true") }

func setTiming(out transports.Options, values config.Values) error {
	if v := values.Get("connecttimeout"); v != "" && !isNone(v) {
		d, err := parseTime(v)
		if err != nil {
			return fmt.Errorf("ConnectTimeout: %w", err)
		}
		if d > 0 {
			out["connect_timeout"] = d.String()
		}
	}
	if v := values.Get("serveraliveinterval"); v != "" {
		d, err := parseTime(v)
		if err != nil {
			return fmt.Errorf("ServerAliveInterval: %w", err)
		}
		out["keepalive"] = d.String()
	}
	if v := strings.ToLower(values.Get("addressfamily")); v != "" {
		out["address_family"] = v
	}
	return setNumber(out, "keepalive_count", values, "serveralivecountmax")
}

func setNumber(out transports.Options, name string, values config.Values, keyword string) error {
	v := values.Get(keyword)
	if v == "" {
		return nil
	}
	n, err := strconv.ParseUint(v, 10, 31)
	if err != nil {
		return fmt.Errorf("%s cannot be %q in the ssh configuration", keyword, v)
	}
	out[name] = float64(n)
	return nil
}

// parseTime reads OpenSSH's times: numbers, each with a unit or in seconds, such as 90 or 1h30m.
func parseTime(text string) (time.Duration, error) {
	units := map[byte]time.Duration{
		's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
	}
	var total time.Duration
	for rest := strings.ToLower(text); rest != ""; {
		end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		unit := time.Second
		if end < 0 {
			end = len(rest)
		}
		n, err := strconv.ParseUint(rest[:end], 10, 31)
		if err != nil {
			return 0, fmt.Errorf("%q is no time", text)
		}
		if rest = rest[end:]; rest != "" {
			ok := false
			if unit, ok = units[rest[0]]; !ok {
				return 0, fmt.Errorf("%q is no time", text)
			}
			rest = rest[1:]
		}
		const most = 10 * 365 * 24 * time.Hour // as good as for ever, and far from an overflow
		total = min(total+min(time.Duration(n), most/unit)*unit, most)
	}
	return total, nil
}

// setPaths resolves the paths of both: those of the configuration have tokens and variables in them.
func (x *Expander) setPaths(out, options transports.Options, values config.Values) {
	tokens := x.tokens(options, out, values)
	resolved := func(list []string) []any {
		var paths []any
		for _, p := range list {
			if isNone(p) {
				continue
			}
			p = config.ExpandTokens(config.ExpandVariables(p, x.env.Getenv), tokens)
			paths = append(paths, x.env.path(p))
		}
		return paths
	}
	site := func(name string) []any {
		var paths []any
		for _, p := range x.env.paths(texts(options, name)) {
			paths = append(paths, p)
		}
		return paths
	}
	for name, keyword := range map[string]string{"keys": "identityfile", "certificates": "certificatefile"} {
		if v, ok := options[name]; ok && v != nil {
			out[name] = append([]any{}, site(name)...)
		} else if list := values[keyword]; list != nil {
			out[name] = append([]any{}, resolved(list)...)
		}
	}
	if list := site("known_hosts"); list != nil {
		out["known_hosts"] = list
	} else if values["userknownhostsfile"] != nil || values["globalknownhostsfile"] != nil {
		user, global := values["userknownhostsfile"], values["globalknownhostsfile"]
		if user == nil {
			user = userKnownHosts()
		}
		if len(resolved(user)) == 0 { // none: what is accepted is recorded nowhere
			user = []string{os.DevNull}
		}
		if global == nil {
			global = systemKnownHosts()
		}
		out["known_hosts"] = resolved(slices.Concat(user, global))
	}
	if list := resolved(values["revokedhostkeys"]); len(list) > 0 && out["revoked_host_keys"] == nil {
		out["revoked_host_keys"] = list[0]
	}
	x.setAgent(out, options, values, resolved)
}

func (x *Expander) setAgent(out, options transports.Options, values config.Values, resolved func([]string) []any) {
	if v, ok := options["agent"]; ok && v != nil {
		if path, ok := v.(string); ok {
			v = x.env.path(path)
		}
		out["agent"] = v
		return
	}
	switch v := values.Get("identityagent"); {
	case v == "":
	case isNone(v):
		out["agent"] = false
	case v == "SSH_AUTH_SOCK":
		out["agent"] = true
	case strings.HasPrefix(v, "$") && !strings.HasPrefix(v, "${"):
		out["agent"] = x.env.Getenv(v[1:])
	default:
		out["agent"] = resolved([]string{v})[0]
	}
}

// tokens are what OpenSSH expands in paths (ssh_config(5), TOKENS).
func (x *Expander) tokens(options, hop transports.Options, values config.Values) map[byte]string {
	original := options.String("address", "")
	short, _, _ := strings.Cut(x.env.Hostname, ".")
	port := strconv.Itoa(number(hop, "port", 22))
	jump := values.Get("proxyjump")
	if isNone(jump) {
		jump = ""
	}
	alias := values.Get("hostkeyalias")
	if alias == "" {
		alias = original
	}
	host, user := hop.String("address", ""), hop.String("user", "")
	sum := sha1.Sum([]byte(x.env.Hostname + host + port + user + jump)) //nolint:gosec // as above
	return map[byte]string{
		'C': hex.EncodeToString(sum[:]), 'd': x.env.Home, 'h': host, 'i': x.env.UID, 'j': jump, 'k': alias,
		'L': short, 'l': x.env.Hostname, 'n': original, 'p': port, 'r': user, 'u': x.env.User,
	}
}
