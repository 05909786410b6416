package bed

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Reach lets programs of this machine connect to a port of the container, which has no network: it returns the address that
// stands for 127.0.0.1 there. It lasts as long as the bed.
func (c *Box) Reach(port int) string {
	c.bed.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.bed.t.Fatalf("cannot listen for a container: %v", err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			here, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer here.Close()
				there, err := c.dial(port)
				if err != nil {
					return
				}
				defer there.Close()
				exchange(here.(*net.TCPConn), there.(*net.TCPConn))
			})
		}
	})
	c.bed.t.Cleanup(func() {
		_ = listener.Close()
		all.Wait()
	})
	return listener.Addr().String()
}

// dial connects from within the container's network.
func (c *Box) dial(port int) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and the thread ends with the goroutine: it belongs to another network then
		var namespace *os.File
		if namespace, err = os.Open(filepath.Join("/proc", strconv.Itoa(c.PID), "ns/net")); err != nil {
			return
		}
		defer namespace.Close()
		if err = unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err == nil {
			conn, err = net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		}
	}()
	<-done
	return conn, err
}

// exchange passes on what comes from either side until both have ended.
func exchange(a, b *net.TCPConn) {
	var both sync.WaitGroup
	for _, way := range [][2]*net.TCPConn{{a, b}, {b, a}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].CloseWrite()
		})
	}
	both.Wait()
}

// Admit lets the bed's key log in to a container's ssh server as root, and returns that server's own key.
func (b *Bed) Admit(c *Box) (hostKey string) {
	b.t.Helper()
	public, err := os.ReadFile(b.Key() + ".pub")
	if err != nil {
		b.t.Fatalf("cannot read the key: %v", err)
	}
	c.Run("sh", "-c", `mkdir -pm 700 /root/.ssh && printf %s "$0" >/root/.ssh/authorized_keys`, string(public))
	return c.Run("cat", "/etc/ssh/ssh_host_ed25519_key.pub")
}
