package ansible

import (
	"fmt"
	"math/big"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"runner/lang/diag"
	"runner/lang/inventory"
	"runner/lang/inventory/python"
)

// The variables of Ansible that say the same, by what they say; of several the last one wins, as there.
func addressVars() []string {
	return []string{"ansible_host", "ansible_ssh_host"}
}

func userVars() []string {
	return []string{"ansible_user", "ansible_ssh_user"}
}

func becomePasswordVars() []string {
	return []string{"ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"}
}

func passwordVars() []string {
	return []string{"ansible_password", "ansible_ssh_pass", "ansible_ssh_password"}
}

// secretVariables are those that hold passwords.
func secretVariables() map[string]bool {
	return map[string]bool{
		"ansible_become_password": true, "ansible_become_pass": true, "ansible_sudo_pass": true,
		"ansible_password": true, "ansible_ssh_pass": true, "ansible_ssh_password": true, "ansible_ssh_private_key_passphrase": true, "ansible_private_key_passphrase": true,
	}
}

// connector turns the variables of one host into the way to it.
type connector struct {
	*builder
	host   string
	at     inventory.Place
	layers []map[string]variable // the strongest first
	vars   map[string]any
}

// find returns the variable of several that counts.
func (c *connector) find(names ...string) (variable, string, bool) {
	for _, name := range slices.Backward(names) {
		for _, layer := range c.layers {
			if v, ok := layer[name]; ok {
				bare, secret := inventory.Reveal(v.value)
				if bare == nil || bare == "" {
					break // null and nothing mean that there is none
				}
				return c.resolve(v, name, bare, secret)
			}
		}
	}
	return variable{}, "", false
}

var reference = regexp.MustCompile(`^\s*\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}\s*$`)

// resolve follows a template that is nothing but the name of another variable. Other templates are an error.
func (c *connector) resolve(v variable, name string, bare any, secret bool) (variable, string, bool) {
	const most = 10 // references
	for range most {
		text, ok := bare.(string)
		if !ok || !strings.Contains(text, "{{") && !strings.Contains(text, "{%") {
			if secret {
				bare = inventory.Secret{Value: bare}
			}
			v.value = bare
			return v, name, true
		}
		m := reference.FindStringSubmatch(text)
		if m == nil {
			break
		}
		if m[1] == "inventory_hostname" {
			bare = c.host
			continue
		}
		other, exists := c.vars[m[1]]
		if !exists {
			c.failAt(v, "The variable %s refers to %s, which the host %s does not have.", name, diag.Quote(m[1]), diag.Quote(c.host))
			return v, name, false
		}
		var hidden bool
		bare, hidden = inventory.Reveal(other)
		secret = secret || hidden
	}
	c.failAt(v, "The variable %s says how to connect, and holds a template of Jinja that is more than the name of another variable. "+
		"Write the value itself, or leave the variable out and give the argument in a hop block of the inventory, where an expression can read self.vars.", name)
	return v, name, false
}

func (c *connector) failAt(v variable, format string, args ...any) {
	c.add(v.at.Errorf(diag.Inventory, "Unusable connection variable", format, args...))
}

// add adds a diagnostic, unless another host brought the same: many have their variables from one group.
func (b *builder) add(d *hcl.Diagnostic) {
	if d.Severity == hcl.DiagWarning && len(b.diags) >= mostErrors {
		return
	}
	for _, other := range b.diags {
		if other.Detail == d.Detail && (other.Subject == nil) == (d.Subject == nil) && (d.Subject == nil || *d.Subject == *other.Subject) {
			return
		}
	}
	b.diags = append(b.diags, d)
}

// text returns a variable that is text or a number.
func (c *connector) text(names ...string) (string, variable, bool) {
	v, name, ok := c.find(names...)
	if !ok {
		return "", v, false
	}
	bare, _ := inventory.Reveal(v.value)
	switch bare := bare.(type) {
	case string:
		return bare, v, true
	case int64:
		return strconv.FormatInt(bare, 10), v, true
	case *big.Int:
		return bare.String(), v, true
	}
	c.failAt(v, "The variable %s takes text, but this is %s.", name, kindOf(bare))
	return "", v, false
}

// kindOf names the kind of a value.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case int64, float64, *big.Int:
		return "a number"
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	}
	return "text"
}

// shown is text for a value that cannot be secret, because it is shown wherever the host is.
func (c *connector) shown(names ...string) (string, bool) {
	text, v, ok := c.text(names...)
	if ok && v.secret() {
		c.failAt(v, "The address of the host %s cannot be encrypted: it is shown wherever the host is.", diag.Quote(c.host))
		return "", false
	}
	return text, ok
}

// set sets an option of a hop to a variable that is text, if there is one.
func (c *connector) set(options map[string]any, option string, names ...string) {
	if text, v, ok := c.text(names...); ok {
		options[option] = text
		if v.secret() || option == "password" || option == "passphrase" {
			options[option] = inventory.Secret{Value: text}
		}
	}
}

// connection works out the way to the host.
func (c *connector) connection() inventory.Connection {
	kind, v, ok := c.text("ansible_connection")
	if !ok {
		kind = "ssh"
	}
	var out inventory.Connection
	switch strings.TrimPrefix(strings.TrimPrefix(kind, "ansible.builtin."), "community.docker.") {
	case "ssh", "smart", "paramiko", "paramiko_ssh":
		out = c.ssh()
	case "local":
		out = inventory.Connection{Hop: inventory.Hop{Transport: "local"}}
	case "docker", "docker_api":
		out = c.docker()
	default:
		c.add(v.at.Errorf(diag.NotSupported, "Unknown kind of connection",
			"There is no connection %s here: ssh, local and docker are known.%s", v.quote(kind), diag.DidYouMean(kind, []string{"ssh", "local", "docker"})))
		return out
	}
	out.Become = c.become()
	return out
}

func (c *connector) docker() inventory.Connection {
	container, ok := c.shown("ansible_host", "ansible_docker_host")
	if !ok {
		container = c.host
	}
	options := map[string]any{"container": container}
	c.set(options, "user", "ansible_user", "ansible_docker_user")
	if v, name, ok := c.find("ansible_docker_extra_args"); ok {
		c.add(v.at.Errorf(diag.NotSupported, "Option that is not supported",
			"The variable %s cannot be used. Give the machine that docker runs on as a hop of the inventory in front: chain, or hop blocks.", name))
	}
	return inventory.Connection{Hop: inventory.Hop{Transport: "docker", Options: options}}
}

func (c *connector) ssh() inventory.Connection {
	out := inventory.Connection{Address: c.host, Hop: inventory.Hop{Transport: "ssh", Options: map[string]any{}}}
	options := out.Hop.Options
	c.sshArguments(&out)
	if address, ok := c.shown(addressVars()...); ok {
		out.Address = strings.Trim(address, "[]")
	}
	if v, name, ok := c.find("ansible_port", "ansible_ssh_port"); ok {
		bare, _ := inventory.Reveal(v.value)
		if port, ok := wholeNumber(bare); ok && port >= 1 && port <= 65535 {
			options["port"] = port
		} else {
			c.failAt(v, "The variable %s takes the number of a port, from 1 to 65535.", name)
		}
	}
	c.set(options, "user", userVars()...)
	c.set(options, "password", passwordVars()...)
	c.set(options, "passphrase", "ansible_private_key_passphrase", "ansible_ssh_private_key_passphrase")
	if text, v, ok := c.text("ansible_private_key_file", "ansible_ssh_private_key_file"); ok {
		options["keys"] = []any{text}
		if v.secret() {
			options["keys"] = inventory.Secret{Value: []any{text}}
		}
	}
	if v, _, ok := c.find("ansible_host_key_checking", "ansible_ssh_host_key_checking"); ok {
		if check, known := truth(v.value); known && !check {
			options["host_key"] = "ignore"
		}
	}
	if v, name, ok := c.find("ansible_ssh_timeout"); ok {
		bare, _ := inventory.Reveal(v.value)
		if seconds, ok := wholeNumber(bare); ok && seconds > 0 {
			options["connect_timeout"] = fmt.Sprintf("%ds", seconds)
		} else {
			c.failAt(v, "The variable %s takes a number of seconds.", name)
		}
	}
	return out
}

// become works out who to be on the host.
func (c *connector) become() *inventory.Hop {
	v, name, ok := c.find("ansible_become")
	if !ok {
		return nil
	}
	on, known := truth(v.value)
	if !known {
		c.failAt(v, "The variable %s takes true or false.", name)
		return nil
	}
	if !on {
		return nil
	}
	method, at, ok := c.text("ansible_become_method")
	if !ok {
		method = "sudo"
	}
	method = strings.TrimPrefix(strings.TrimPrefix(method, "ansible.builtin."), "community.general.")
	hop := &inventory.Hop{Transport: method, Options: map[string]any{}}
	if method != "sudo" && !slices.Contains(c.opts.Transports, method) {
		c.add(at.at.Errorf(diag.NotSupported, "Unknown way to become another user",
			"There is no hop %s to become another user by: sudo is known.%s", at.quote(method), diag.DidYouMean(method, []string{"sudo"})))
		return nil
	}
	c.set(hop.Options, "user", "ansible_become_user", "ansible_sudo_user")
	c.set(hop.Options, "password", becomePasswordVars()...)
	c.set(hop.Options, "path", "ansible_become_exe", "ansible_sudo_exe")
	if text, v, ok := c.text("ansible_become_flags", "ansible_sudo_flags"); ok && method == "sudo" {
		c.sudoFlags(hop.Options, text, v)
	}
	return hop
}

// sudoFlags takes over the flags of sudo, but for those that the hop gives itself.
func (c *connector) sudoFlags(options map[string]any, text string, v variable) {
	words, err := python.Split(text)
	if err != nil {
		c.failAt(v, "The flags of sudo cannot be taken apart: %s.", err)
		return
	}
	var args []any
	for _, w := range words {
		switch w.Text {
		case "-S", "-n":
		case "-H":
			options["set_home"] = true
		default:
			args = append(args, w.Text)
		}
	}
	if args != nil {
		options["args"] = args
	}
}

// truth reads a boolean as Ansible does.
func truth(v any) (value, known bool) {
	bare, _ := inventory.Reveal(v)
	switch b := bare.(type) {
	case bool:
		return b, true
	case int64:
		return b == 1, b == 0 || b == 1
	case float64:
		return b == 1, b == 0 || b == 1
	case string:
		switch strings.ToLower(b) {
		case "y", "yes", "on", "1", "true", "t", "1.0":
			return true, true
		case "n", "no", "off", "0", "false", "f", "0.0":
			return false, true
		}
	}
	return false, false
}

// wholeNumber reads a whole number, which may be written as text.
func wholeNumber(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case float64:
		return int64(n), n == float64(int64(n))
	case string:
		i, err := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
		return i, err == nil
	}
	return 0, false
}

// splitAddress takes [USER@]HOST[:PORT] apart, with an IPv6 address in brackets.
func splitAddress(text string) (user, address string, port int64, ok bool) {
	text = strings.TrimPrefix(text, "ssh://")
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		user, text = text[:i], text[i+1:]
	}
	address = text
	if host, number, err := net.SplitHostPort(text); err == nil {
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n < 1 || n > 65535 {
			return "", "", 0, false
		}
		address, port = host, n
	}
	return user, strings.Trim(address, "[]"), port, address != ""
}
