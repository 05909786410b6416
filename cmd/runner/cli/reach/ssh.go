package reach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"runner/executor/broker"
	"runner/planner/plan"
	"runner/transports"
	"runner/transports/ssh"
)

// dialSSH returns what opens the ssh hops of a run for the broker.
func dialSSH() func(context.Context, plan.Connection, broker.DialFunc, func(password string) error) (broker.SSHClient, error) {
	dialer := ssh.NewDialer(ssh.CurrentEnvironment())
	return func(ctx context.Context, c plan.Connection, dial broker.DialFunc, may func(string) error) (broker.SSHClient, error) {
		client, err := dialer.Asking(may).Dial(ctx, transports.Options(c.Options), ssh.DialFunc(dial))
		if err != nil {
			return nil, fmt.Errorf("%w", err)
		}
		return sshClient{client}, nil
	}
}

// sshClient is an ssh connection as the broker wants it.
type sshClient struct{ client *ssh.Client }

// Dial opens a direct-tcpip channel.
func (c sshClient) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.client.Dial(ctx, network, address)
	if err == nil {
		return conn, nil
	}
	var failure *ssh.Error
	if errors.As(err, &failure) && failure.Kind == ssh.KindForbidden {
		return nil, fmt.Errorf("%w: %w", broker.ErrProhibited, err)
	}
	return nil, fmt.Errorf("%w", err)
}

// Start opens a session and runs a command in it.
func (c sshClient) Start(ctx context.Context, command string) (broker.Session, error) {
	s, err := c.client.Start(ctx, command)
	if err != nil {
		return broker.Session{}, fmt.Errorf("%w", err)
	}
	return broker.Session{
		ReadWriteCloser: s,
		Stderr:          s.Stderr,
		Exit: func(ctx context.Context) string {
			exit := s.Wait(ctx)
			switch {
			case !exit.Known:
				return ""
			case exit.Signal != "":
				return "signal " + exit.Signal
			}
			return fmt.Sprintf("exit status %d", exit.Status)
		},
	}, nil
}

// Run runs a command to its end, or until ctx ends.
func (c sshClient) Run(ctx context.Context, command string, stdin io.Reader, stdout, stderr io.Writer) (status int, signal string, err error) {
	exit, err := c.client.Run(ctx, command, stdin, stdout, stderr)
	switch {
	case err != nil:
		return -1, "", fmt.Errorf("%w", err)
	case !exit.Known || exit.Signal != "":
		return -1, exit.Signal, nil
	}
	return exit.Status, "", nil
}

// HostKey is the fingerprint of the server's key.
func (c sshClient) HostKey() string { return c.client.HostKey() }

// Close ends the connection.
func (c sshClient) Close() error { return c.client.Close() }

// Err says why the connection has ended.
func (c sshClient) Err() error { return c.client.Err() }
