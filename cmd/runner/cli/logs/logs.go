// Package logs writes what happens to hosts into a log, for those who look into it later. What people see meanwhile is for
// its neighbour views.
package logs

import (
	"io"

	"github.com/sirupsen/logrus"

	"runner/cmd/runner/cli/arguments"
	"runner/executor/event"
)

// Log is a log of one line for each entry.
type Log struct{ *logrus.Logger }

// New returns a log of what is of a level, or worse. Without colours, and only so, the formatter writes out whatever in a
// value could do more than show when a terminal gets it.
func New(out io.Writer, level arguments.Level) Log {
	log := logrus.New()
	log.SetOutput(out)
	log.SetLevel(logLevel(level))
	log.SetFormatter(&logrus.TextFormatter{DisableColors: true, TimestampFormat: "2006-01-02T15:04:05.000Z07:00"})
	return Log{log}
}

func logLevel(l arguments.Level) logrus.Level {
	switch l {
	case arguments.LevelError:
		return logrus.ErrorLevel
	case arguments.LevelInfo:
		return logrus.InfoLevel
	case arguments.LevelDebug:
		return logrus.DebugLevel
	case arguments.LevelWarn:
	}
	return logrus.WarnLevel
}

// Event logs what happens to hosts, without any values.
func (l Log) Event(e event.Event) {
	if !l.IsLevelEnabled(logrus.InfoLevel) {
		return
	}
	level := logrus.DebugLevel
	write := func(message string, fields logrus.Fields) { l.WithFields(fields).Log(level, message) }
	switch e := e.(type) {
	case event.RunStart:
		level = logrus.InfoLevel
		write("run starts", logrus.Fields{"run": e.Run, "site": e.Site, "hosts": e.Hosts})
	case event.Connection:
		if e.Status != event.Opening && !e.Reused {
			level = logrus.InfoLevel
		}
		write("connection", logrus.Fields{
			"host": e.Host, "hop": e.Hop, "transport": e.Transport, "status": string(e.Status), "seconds": e.Seconds, "error": e.Error,
		})
	case event.TaskStart:
		write("task starts", logrus.Fields{"host": e.Host, "address": e.Address, "attempt": e.Attempt})
	case event.PlannedChange:
		write("change", logrus.Fields{"host": e.Host, "address": e.Address, "action": string(e.Action)})
	case event.TaskEnd:
		if e.Status == event.Changed || e.Status == event.Failed || e.Status == event.Unknown {
			level = logrus.InfoLevel
		}
		write("task ends", logrus.Fields{
			"host": e.Host, "address": e.Address, "status": string(e.Status), "seconds": e.Seconds, "reason": e.Reason,
		})
	case event.RunEnd:
		level = logrus.InfoLevel
		write("run ends", logrus.Fields{"run": e.Run, "status": string(e.Status), "seconds": e.Seconds, "round_trips": e.RoundTrips})
	}
}
