package ansible

import (
	"fmt"
	"strconv"
	"strings"

	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/inventory/python"
)

// sshArguments reads the command lines of ssh that variables hold.
func (c *connector) sshArguments(out *inventory.Connection) {
	for _, name := range []string{"ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"} {
		text, v, ok := c.text(name)
		if !ok {
			continue
		}
		if v.secret() {
			c.failAt(v, "The options of ssh in %s cannot be encrypted: they say which way leads to the host %s, which is shown.", name, diag.Quote(c.host))
			continue
		}
		words, err := python.Split(text)
		if err != nil {
			c.failAt(v, "The options of ssh in %s cannot be taken apart: %s.", name, err)
			continue
		}
		args := make([]string, len(words))
		for i, w := range words {
			args[i] = w.Text
		}
		a := sshArgs{connector: c, name: name, at: v, out: out}
		a.all(args)
	}
}

// sshArgs reads one command line of ssh.
type sshArgs struct {
	*connector
	name string
	at   variable
	out  *inventory.Connection
}

// The letters that ssh takes as options: those that have a value, and those without one that change nothing here.
const (
	withValue = "BbcDEeFIiJLlmOopQRSWw"
	harmless  = "46CaKknqTtvxyMX"
)

func (a *sshArgs) all(args []string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if len(arg) < 2 || arg[0] != '-' {
			a.failAt(a.at, "In %s, %s is no option of ssh.", a.name, diag.Quote(arg))
			return
		}
		if strings.IndexByte(withValue, arg[1]) < 0 {
			a.flags(arg)
			continue
		}
		value := arg[2:]
		if value == "" {
			if i++; i == len(args) {
				a.failAt(a.at, "In %s, the option %s of ssh has no value.", a.name, arg)
				return
			}
			value = args[i]
		}
		a.letter(arg[1], value)
	}
}

// flags reads letters without values.
func (a *sshArgs) flags(arg string) {
	for _, c := range arg[1:] {
		if !strings.ContainsRune(harmless, c) {
			a.unknown("-" + string(c))
		}
	}
}

// unknown warns of an option that is left out.
func (a *sshArgs) unknown(option string) {
	a.add(a.at.at.Warningf(diag.NotSupported, "Option of ssh that is left out",
		"The option %s of ssh in %s is not known here and is left out. A hop block of the inventory, or the file that its argument config names, can say more.", option, a.name))
}

func (a *sshArgs) letter(c byte, value string) {
	switch c {
	case 'o':
		key, argument, ok := strings.Cut(value, "=")
		if !ok {
			key, argument, _ = strings.Cut(value, " ")
		}
		a.option(strings.TrimSpace(key), strings.Trim(strings.TrimSpace(argument), `"`))
	case 'J':
		a.option("ProxyJump", value)
	case 'i':
		a.option("IdentityFile", value)
	case 'l':
		a.option("User", value)
	case 'p':
		a.option("Port", value)
	case 'F':
		a.options()["config"] = value
	case 'S', 'E', 'e': // the control socket, the log, the escape character
	default:
		a.unknown("-" + string(c))
	}
}

func (a *sshArgs) options() map[string]any { return a.out.Hop.Options }

// option reads an option as in a configuration file.
func (a *sshArgs) option(key, value string) {
	options := a.options()
	switch strings.ToLower(key) {
	case "proxyjump":
		a.jumps(value)
	case "stricthostkeychecking":
		a.hostKey(value)
	case "userknownhostsfile":
		a.append("known_hosts", strings.Fields(value)...)
	case "identityfile":
		a.append("keys", value)
	case "certificatefile":
		a.append("certificates", value)
	case "user":
		options["user"] = value
	case "hostname":
		a.out.Address = value
	case "port":
		if n, ok := wholeNumber(value); ok && n >= 1 && n <= 65535 {
			options["port"] = n
			return
		}
		a.failAt(a.at, "In %s, the option Port of ssh takes a number from 1 to 65535.", a.name)
	case "identitiesonly":
		options["identities_only"] = strings.EqualFold(value, "yes")
	case "identityagent":
		options["agent"] = value
		if strings.EqualFold(value, "none") {
			options["agent"] = false
		}
	case "connecttimeout":
		a.seconds("connect_timeout", key, value)
	case "serveraliveinterval":
		a.seconds("keepalive", key, value)
	case "controlmaster", "controlpersist", "controlpath", "compression", "loglevel", "requesttty", "batchmode", "serveralivecountmax",
		"preferredauthentications", "passwordauthentication", "kbdinteractiveauthentication", "gssapiauthentication", "tcpkeepalive",
		"pubkeyauthentication", "updatehostkeys", "checkhostip", "globalknownhostsfile":
		// Connections are shared and kept here without being told, and authentication tries what there is.
	case "proxycommand":
		a.add(a.at.at.Errorf(diag.NotSupported, "Option of ssh that is not supported",
			"ProxyCommand in %s cannot be used. Write -o ProxyJump=HOST if it leads through another ssh server, or give the way as hops of the inventory: chain, or hop blocks.", a.name))
	default:
		a.unknown(diag.Quote(key))
	}
}

func (a *sshArgs) append(option string, values ...string) {
	list, _ := a.options()[option].([]any)
	for _, v := range values {
		list = append(list, v)
	}
	a.options()[option] = list
}

func (a *sshArgs) seconds(option, key, value string) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		a.failAt(a.at, "In %s, the option %s of ssh takes a number of seconds.", a.name, key)
		return
	}
	if n > 0 {
		a.options()[option] = fmt.Sprintf("%ds", n)
	}
}

func (a *sshArgs) hostKey(value string) {
	words := map[string]string{"yes": "strict", "ask": "strict", "accept-new": "accept-new", "no": "ignore", "off": "ignore"}
	word, ok := words[strings.ToLower(value)]
	if !ok {
		a.failAt(a.at, "In %s, the option StrictHostKeyChecking of ssh takes yes, accept-new or no.", a.name)
		return
	}
	a.options()["host_key"] = word
}

// jumps reads the servers on the way, the first one first.
func (a *sshArgs) jumps(value string) {
	a.out.Jumps = nil
	if strings.EqualFold(value, "none") {
		return
	}
	for text := range strings.SplitSeq(value, ",") {
		user, address, port, ok := splitAddress(strings.TrimSpace(text))
		if !ok {
			a.failAt(a.at, "In %s, the option ProxyJump of ssh takes [USER@]HOST[:PORT], several of them with commas in between.", a.name)
			return
		}
		hop := inventory.Hop{Transport: "ssh", Options: map[string]any{"address": address}}
		if user != "" {
			hop.Options["user"] = user
		}
		if port != 0 {
			hop.Options["port"] = port
		}
		a.out.Jumps = append(a.out.Jumps, hop)
	}
}
