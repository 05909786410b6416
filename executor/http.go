package executor

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"runner/agent/wire"
	"runner/executor/request"
)

const (
	// httpAction makes a request from a target: its agent connects, and the controller speaks.
	httpAction = "http"
	// httpTimeout is how long a request may take when its task does not say.
	httpTimeout = 30 * time.Second
)

// onlyReads says whether a request changes nothing: that is said, or goes without saying.
func onlyReads(args map[string]any) bool {
	if changes, said := args["changes"].(bool); said {
		return !changes
	}
	return slices.Contains([]string{"", http.MethodGet, http.MethodHead, http.MethodOptions}, textOf(args, "method"))
}

func textOf(args map[string]any, name string) string {
	text, _ := args[name].(string)
	return text
}

// requests makes a request in the place of a task. A preview makes one that was promised to change nothing, unless something
// would be changed before.
func (h *hostRun) requests(ctx context.Context, s *sent) {
	args := s.instance.Args
	reads := onlyReads(args)
	method := cmp.Or(textOf(args, "method"), http.MethodGet)
	s.said = &saying{changed: !reads, change: found{Change: wire.Change{Verb: wire.VerbRead}, after: map[string]any{"method": method, "url": args["url"]}}}
	if !reads {
		s.said.change.Verb = wire.VerbRun
	}
	if h.isPreview() && (args["changes"] != false || len(s.instance.Unknown) > 0 || h.isUnsettled(s)) {
		s.said.later(s.instance)
		s.end = s.said.end(s.instance, s.task.Place)
		return
	}
	r := request.Request{
		Method: method, URL: textOf(args, "url"), Headers: map[string]string{}, Body: textOf(args, "body"), User: textOf(args, "username"),
		Password: textOf(args, "password"), Token: textOf(args, "token"), CA: textOf(args, "ca"), Insecure: args["insecure"] == true, Follow: args["follow"] != false,
	}
	headers, _ := args["headers"].(map[string]any)
	for name := range headers {
		r.Headers[name] = textOf(headers, name)
	}
	if !reads {
		h.will(s)
	}
	began := time.Now()
	reply, err := h.ask(ctx, s, &r)
	if err == nil {
		s.said.values = map[string]any{
			"status": reply.Status, "url": reply.URL, "headers": anyMap(reply.Headers), "body": reply.Body, "truncated": reply.Truncated,
		}
		if want, ok := expects(args["status"], reply.Status); !ok {
			err = &wire.Problem{
				Code: wire.CodeAction, Message: fmt.Sprintf("%s %s was answered with %s, and %s is expected", method, r.URL, reply.Text, want),
				Quote: wire.Quote([]byte(reply.Body[:min(len(reply.Body), mostQuoted)])),
			}
		}
	}
	h.done(s, err, began)
}

// mostQuoted is how much of the body of an answer that was not expected is shown.
const mostQuoted = 2 << 10

// expects says whether a status is one that a task expects; if not, which ones those are.
func expects(wanted any, status int) (want string, ok bool) {
	list, _ := wanted.([]any)
	if list == nil {
		return "a status from 200 to 299", status >= 200 && status < 300
	}
	var all []string
	for _, v := range list {
		ok = ok || fmt.Sprint(v) == strconv.Itoa(status)
		all = append(all, fmt.Sprint(v))
	}
	return strings.Join(all, " or "), ok
}

func anyMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// ask makes the request over a connection that the peer opens. Its time begins when the peer is there.
func (h *hostRun) ask(ctx context.Context, s *sent, r *request.Request) (request.Reply, error) {
	peer := h.peer(s.on)
	ready, err := peer.Ready(h.run.open) //nolint:contextcheck // that one ends when nothing new starts
	switch {
	case err != nil && h.run.isEnding() != notEnding:
		return request.Reply{}, &wire.Problem{Code: wire.CodeCancelled, Message: "the run was ended before it was made"}
	case err != nil:
		return request.Reply{}, err //nolint:wrapcheck // it says which hop
	}
	ctx, cancel := h.actContext(ctx, cmp.Or(s.instance.Timeout, httpTimeout))
	defer cancel()
	h.begins(s, s.on)
	reply, err := r.Do(ctx, peer.Dial)
	if err == nil {
		h.after = max(h.after, ready.Trip) + reply.Trips
		h.run.trip(s.on, h.after)
	}
	return reply, err //nolint:wrapcheck // likewise
}
