package ssh

import (
	"io"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"runner/cmd/delay/proxy"
)

// What a login costs, counted on the wire: the server's version, the key exchange, the service, "none" (which tells the
// methods), the offer of the key, the signature. The first waits for nobody's word, so a turn is one less. Then there
// are two round trips to the first output: the session, the command. OpenSSH's client needs no fewer on the same link.
func TestRoundTripsOfALogin(t *testing.T) {
	s := newSite(t)
	once := func(use func(port int)) int {
		link, err := proxy.Listen("127.0.0.1:0", proxy.Config{To: s.server.HostPort(), RTT: 60 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = link.Close() }()
		use(link.Addr().(*net.TCPAddr).Port)
		return link.Stats().Turns
	}
	// On a busy machine what belongs together may be sent apart: the least of some tries counts.
	measure := func(use func(port int)) int {
		return min(once(use), once(use), once(use))
	}
	alias := "[" + s.server.Address + "]:" + strconv.Itoa(s.server.Port)
	login := measure(func(port int) {
		dial(t, s.options("address", "127.0.0.1", "port", float64(port), "host_key_alias", alias))
	})
	ours := measure(func(port int) {
		client := dial(t, s.options("address", "127.0.0.1", "port", float64(port), "host_key_alias", alias))
		session, err := client.Start(t.Context(), "echo here")
		if err != nil {
			t.Fatal(explained(err))
		}
		if _, err := io.ReadFull(session, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
	})
	theirs := measure(func(port int) {
		out, err := exec.Command("ssh", "-F", "none", "-i", s.Key(), "-p", strconv.Itoa(port), "-l", s.account.Name,
			"-o", "UserKnownHostsFile="+s.server.KnownHosts, "-o", "HostKeyAlias="+alias,
			"-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "127.0.0.1", "echo here").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
	t.Logf("turns: login %d, with a command %d; OpenSSH with a command %d", login, ours, theirs)
	if login > 6 || ours > login+2 || ours > theirs {
		t.Errorf("too many turns: login %d, with a command %d; OpenSSH with a command %d", login, ours, theirs)
	}
}
