package ssh

import (
	"context"
	"io"

	xssh "golang.org/x/crypto/ssh"
)

// Run runs a command on the server to its end. When the context ends first the server is asked to end the command, and the
// session is closed.
func (c *Client) Run(ctx context.Context, command string, stdin io.Reader, stdout, stderr io.Writer) (Exit, error) {
	s, err := c.start(ctx, command, stderr)
	if err != nil {
		return Exit{}, err
	}
	defer context.AfterFunc(ctx, func() {
		_, _ = s.channel.SendRequest("signal", false, xssh.Marshal(struct{ Signal string }{"TERM"}))
		_ = s.Close()
	})()
	err = c.spawn(func() {
		_, _ = io.Copy(s, stdin) // a command need not read it
		_ = s.CloseWrite()
	})
	if err == nil {
		_, err = io.Copy(stdout, s)
		<-s.done
	}
	_ = s.Close()
	switch lost := c.Err(); {
	case ctx.Err() != nil || s.exit.Known:
		return s.exit, nil
	case lost != nil:
		return s.exit, lost
	}
	return s.exit, err
}
