package ssh

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"runner/agent/schema"
	"runner/transports"
)

// newEnvironment is somebody with a configuration and nothing else.
func newEnvironment(t *testing.T, config string) Environment {
	t.Helper()
	home := t.TempDir()
	if config != "" {
		writeFile(t, filepath.Join(home, ".ssh", "config"), strings.ReplaceAll(config, "\t", ""))
	}
	variables := map[string]string{"SSH_AUTH_SOCK": "/run/agent", "KEYS": "/vault", "MY_AGENT": "/run/mine"}
	return Environment{
		Home: home, User: "me", UID: "1000", Hostname: "laptop.example.net", Dir: "/site",
		Getenv: func(name string) string { return variables[name] },
	}
}

// route writes hops as people do: user@address:port, one after the other.
func route(hops []transports.Options) string {
	var parts []string
	for _, h := range hops {
		parts = append(parts, fmt.Sprintf("%s@%s:%d", h["user"], h["address"], number(h, "port", 0)))
	}
	return strings.Join(parts, " ")
}

// G2, G8: a hop becomes its jump hosts and itself, each as the configuration has it; what the site says wins.
func TestG2ExpandRoutes(t *testing.T) {
	env := newEnvironment(t, `
		Host web*
			HostName %h.Example.NET
			User deploy
			ProxyJump bastion
		Host bastion
			HostName 192.0.2.1
			Port 2222
			User jump
		Host deep
			ProxyJump other@mid:2200,web1
		Host mid
			User ignored
			ProxyJump bastion
		Host chain
			ProxyJump a,b,c
		Host b
			ProxyJump never
		Host v6
			HostName ::1
			ProxyJump me@[fe80::1%lo]:22
		Host direct web9
			ProxyJump none
		Host tokens
			HostName inner
			Port 99
			User someone
			ProxyJump %r@%h-gate:%p`)
	for _, c := range []struct {
		options transports.Options
		want    string
	}{
		{transports.Options{"address": "plain"}, "me@plain:22"},
		{transports.Options{"address": "[2001:db8::1]"}, "me@2001:db8::1:22"},
		{transports.Options{"address": "web1"}, "jump@192.0.2.1:2222 deploy@web1.example.net:22"},
		{transports.Options{"address": "web1", "user": "root", "port": 8022.0}, "jump@192.0.2.1:2222 root@web1.example.net:8022"},
		{transports.Options{"address": "web1", "config": false}, "me@web1:22"},
		{transports.Options{"address": "deep"}, "jump@192.0.2.1:2222 other@mid:2200 deploy@web1.example.net:22 me@deep:22"},
		{transports.Options{"address": "chain"}, "me@a:22 me@b:22 me@c:22 me@chain:22"},
		{transports.Options{"address": "v6"}, "me@fe80::1%lo:22 me@::1:22"},
		{transports.Options{"address": "direct"}, "me@direct:22"},
		{transports.Options{"address": "tokens"}, "someone@inner-gate:99 someone@inner:99"},
	} {
		hops, err := NewExpander(env).Expand(c.options)
		if err != nil {
			t.Errorf("%v: %s", c.options, explained(err))
			continue
		}
		if got := route(hops); got != c.want {
			t.Errorf("%v: got %s, want %s", c.options, got, c.want)
		}
		for _, hop := range hops {
			again, err := NewExpander(env).Expand(hop)
			if err != nil || len(again) != 1 || !reflect.DeepEqual(again[0], hop) {
				t.Errorf("expanding %v again gives %v, %v", hop, again, err)
			}
		}
	}
}

// G2: what cannot be told, or leads in a circle, is an error with a hint.
func TestG2ExpandErrors(t *testing.T) {
	for _, c := range []struct{ config, message, hint string }{
		{"Host *\nProxyJump bastion", "in a circle: web → bastion → bastion", "config = false"},
		{"Host web\nProxyJump a\nHost a\nProxyJump b\nHost b\nProxyJump WEB", "in a circle: web → a → b → WEB", ""},
		{"ProxyCommand nc %h %p", "reaches web by a ProxyCommand", `hop "openssh"`},
		{"ProxyJump none\nProxyCommand nc %h %p", "reaches web by a ProxyCommand", ""},
		{"Match exec \"on vpn\"\nProxyJump bastion", "Match exec", `hop "openssh"`},
		{"Host *\nPort many", "port cannot be \"many\"", ""},
		{"Port 70000", "port must be", ""},
		{"User -oProxyCommand=x", "user must not begin with a dash", ""},
		{"HostName -x", "address must not begin with a dash", ""},
		{"ProxyJump -x", "names no host", ""},
		{"ProxyJump a:port", "no valid port", ""},
		{"Host web\nProxyJump a,,b", "names no host", ""},
		{"Ciphers nothing,known", "ciphers", ""},
		{"StrictHostKeyChecking perhaps", "StrictHostKeyChecking", ""},
		{"ConnectTimeout soon", "ConnectTimeout", ""},
		{"Host", "config:1: host has no argument", "Correct"},
		{"Host web\nProxyJump " + strings.TrimSuffix(strings.Repeat("x,", 40), ","), "more than 32 hops", ""},
	} {
		_, err := NewExpander(newEnvironment(t, c.config)).Expand(transports.Options{"address": "web"})
		e := &Error{}
		if !errors.As(err, &e) || e.Kind != KindOptions || !strings.Contains(e.Message, c.message) || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%q: got %s", c.config, explained(err))
		}
	}
	_, err := NewExpander(newEnvironment(t, "")).Expand(transports.Options{"address": "web", "config": "missing"})
	if e := wantKind(t, err, KindOptions); !strings.Contains(e.Message, "missing does not exist") {
		t.Error(explained(err))
	}
}

// G8: every keyword has its option; paths have their tokens, variables and home; the site wins over each.
func TestG8ExpandOptions(t *testing.T) {
	env := newEnvironment(t, `
		IdentityFile ~/keys/%r@%h-%p
		IdentityFile ${KEYS}/%n.%u.%i.%L
		IdentitiesOnly yes
		CertificateFile %d/cert
		IdentityAgent $MY_AGENT
		HostName real.example.net
		HostKeyAlias the-alias
		UserKnownHostsFile ~/known none /known/%k
		StrictHostKeyChecking accept-new
		HashKnownHosts yes
		ConnectTimeout 1m
		ServerAliveInterval 15
		ServerAliveCountMax 4
		AddressFamily inet6
		Ciphers aes256-ctr,unknown-cipher
		MACs ^hmac-sha2-512
		KexAlgorithms +diffie-hellman-group1-sha1
		HostKeyAlgorithms -ecdsa*,*cert*`)
	hops, err := NewExpander(env).Expand(transports.Options{"address": "web", "user": "deploy"})
	if err != nil {
		t.Fatal(explained(err))
	}
	hop := hops[0]
	for name, want := range map[string]any{
		"address": "real.example.net", "user": "deploy", "port": 22.0,
		"keys":            []any{env.Home + "/keys/deploy@real.example.net-22", "/vault/web.me.1000.laptop"},
		"identities_only": true,
		"certificates":    []any{env.Home + "/cert"},
		"agent":           "/run/mine",
		"host_key_alias":  "the-alias",
		"known_hosts":     []any{env.Home + "/known", "/known/the-alias", "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"},
		"host_key":        "accept-new", "hash_known_hosts": true,
		"connect_timeout": "1m0s", "keepalive": "15s", "keepalive_count": 4.0,
		"address_family":      "inet6",
		"ciphers":             []any{"aes256-ctr"},
		"host_key_algorithms": []any{"ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"},
		"config":              false,
	} {
		if !reflect.DeepEqual(hop[name], want) {
			t.Errorf("%s is %v, want %v", name, hop[name], want)
		}
	}
	if macs := hop.Strings("macs"); len(macs) < 3 || macs[0] != "hmac-sha2-512" {
		t.Errorf("macs are %v", macs)
	}
	if kex := hop.Strings("kex_algorithms"); len(kex) < 3 || kex[len(kex)-1] != "diffie-hellman-group1-sha1" {
		t.Errorf("kex_algorithms are %v", kex)
	}
	none, err := NewExpander(newEnvironment(t, "UserKnownHostsFile none")).Expand(transports.Options{"address": "web"})
	if want := []any{os.DevNull, "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}; err != nil || !reflect.DeepEqual(none[0]["known_hosts"], want) {
		t.Errorf("without a known_hosts of the user: %v, %v", none, err)
	}
	site := transports.Options{
		"address": "web", "keys": []any{"deploy.key", "~/k"}, "certificates": []any{}, "agent": false, "identities_only": false,
		"known_hosts": "hosts", "host_key": "strict", "connect_timeout": "5s", "keepalive": "0s", "password": "p", "port": 1.0,
	}
	hops, err = NewExpander(env).Expand(site)
	if err != nil {
		t.Fatal(explained(err))
	}
	for name, want := range map[string]any{
		"keys": []any{"/site/deploy.key", env.Home + "/k"}, "certificates": []any{}, "agent": false, "identities_only": false,
		"known_hosts": []any{"/site/hosts"}, "host_key": "strict", "connect_timeout": "5s", "keepalive": "0s", "password": "p", "port": 1.0,
	} {
		if !reflect.DeepEqual(hops[0][name], want) {
			t.Errorf("the site says that %s is %v, but it is %v", name, want, hops[0][name])
		}
	}
	for config, want := range map[string]any{"IdentityAgent none": false, "IdentityAgent SSH_AUTH_SOCK": true, "IdentityAgent ~/%u.sock": "me.sock"} {
		hops, err := NewExpander(newEnvironment(t, config)).Expand(transports.Options{"address": "web"})
		got := hops[0]["agent"]
		if path, ok := got.(string); ok {
			got = filepath.Base(path)
		}
		if err != nil || got != want {
			t.Errorf("%s: agent is %v", config, got)
		}
	}
	hops, err = NewExpander(newEnvironment(t, "IdentityFile none")).Expand(transports.Options{"address": "web"})
	if keys, ok := hops[0]["keys"].([]any); err != nil || !ok || len(keys) != 0 {
		t.Errorf("keys are %v", hops[0]["keys"])
	}
}

// What the site says of its own hop, secrets above all, does not leak to the hops before it.
func TestG36JumpsGetNoSecrets(t *testing.T) {
	env := newEnvironment(t, "Host web\nProxyJump bastion")
	hops, err := NewExpander(env).Expand(transports.Options{
		"address": "web", "user": "root", "password": "secret", "passphrase": "secret", "keys": []any{"k"}, "host_key": "ignore",
		"connect_timeout": "7s",
	})
	if err != nil || len(hops) != 2 {
		t.Fatalf("got %v, %v", hops, err)
	}
	want := transports.Options{"address": "bastion", "user": "me", "port": 22.0, "config": false, "connect_timeout": "7s"}
	if !reflect.DeepEqual(hops[0], want) {
		t.Errorf("the bastion gets %v", hops[0])
	}
}

// G14: a name that begins with a dash, or holds spaces, control or shell characters, is an error before anything else.
func TestG14Check(t *testing.T) {
	block := Transport()
	bad := map[string][]any{
		"address": {
			"-oProxyCommand=x", "a b", "a\nb", "a;b", "a$(b)", "a`b`", "a|b", "user@host", "host:22", "ssh://host", "10.0.0.0/8",
			"a\x00b", "[::1", "::1]", "1:2:3", "a\u202eb", "*.example.net",
		},
		"user":            {"-l", "a b", "a\tb", "a;b", "a$b", "a\\"},
		"port":            {0.0, 65536.0, 22.5, -1.0},
		"host_key":        {"no", "yes", ""},
		"connect_timeout": {"5", "-1s", "0s", "soon"},
		"keepalive":       {"often", "-1s"},
		"config":          {true, "", 5.0},
		"agent":           {5.0, []any{}},
		"known_hosts":     {[]any{}, 5.0},
	}
	for name, values := range bad {
		for _, v := range values {
			err := block.Check(map[string]any{name: v})
			var argument *schema.ArgumentError
			if !errors.As(err, &argument) || argument.Argument != name {
				t.Errorf("%s = %q: got %v", name, v, err)
			}
			_, err = Dial(t.Context(), transports.Options{"address": "127.0.0.1", name: v}, nil)
			wantKind(t, err, KindOptions)
		}
	}
	good := map[string][]any{
		"address":         {"web1", "web_1.example.net", "10.0.0.1", "::1", "[::1]", "fe80::1%eth0", "bücher.example", "a+b", ""},
		"user":            {"deploy", "DOMAIN\\user", "user@realm", "user.name-x", ""},
		"port":            {22.0, 65535.0, int64(1)},
		"host_key":        {"strict", "accept-new", "ignore"},
		"connect_timeout": {"5s", "1m30s"},
		"keepalive":       {"0s", "15s"},
		"config":          {false, "~/x", nil},
		"agent":           {true, false, "/run/x", nil},
		"known_hosts":     {"a", []any{"a", "b"}, nil},
	}
	for name, values := range good {
		for _, v := range values {
			if err := block.Check(map[string]any{name: v}); err != nil {
				t.Errorf("%s = %q: got %v", name, v, err)
			}
		}
	}
	if _, err := Dial(t.Context(), transports.Options{}, nil); err == nil {
		t.Error("a hop without an address was dialled")
	}
}

// The description has what the language promises, hides what is secret, and its title has no secret.
func TestDescription(t *testing.T) {
	block := Transport()
	var names, secrets []string
	for _, a := range block.Arguments {
		names = append(names, a.Name)
		if a.Secret {
			secrets = append(secrets, a.Name)
		}
		if a.Doc == "" || !a.Static {
			t.Errorf("%s has no documentation or is not static", a.Name)
		}
	}
	want := strings.Fields("address port user keys passphrase certificates agent identities_only password host_key known_hosts config keepalive connect_timeout")
	if !slices.Equal(names, want) || !slices.Equal(secrets, []string{"passphrase", "password"}) || block.Open != nil {
		t.Errorf("got %v, secret %v", names, secrets)
	}
	for title, o := range map[string]transports.Options{
		"ssh deploy@web1":   {"address": "web1", "user": "deploy", "password": "secret", "port": 22.0},
		"ssh web1:2222":     {"address": "web1", "port": 2222.0},
		"ssh me@[::1]:2222": {"address": "::1", "user": "me", "port": 2222.0},
	} {
		if got := block.Title(o); got != title {
			t.Errorf("got %q, want %q", got, title)
		}
	}
}
