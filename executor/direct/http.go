package direct

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"runner/agent/wire"
	"runner/executor/request"
	"runner/planner/plan"
)

// mostQuoted is how much of the body of an answer that was not expected is shown.
const mostQuoted = 2 << 10

// OnlyReads says whether a request changes nothing: that is said, or goes without saying.
func OnlyReads(args map[string]any) bool {
	if changes, said := args["changes"].(bool); said {
		return !changes
	}
	return slices.Contains([]string{"", http.MethodGet, http.MethodHead, http.MethodOptions}, textOf(args, "method"))
}

// Request is what an instance of http asks, and the outcome before it is asked.
func Request(in plan.Instance) (*request.Request, Outcome) {
	args := in.Args
	r := &request.Request{
		Method: cmp.Or(textOf(args, "method"), http.MethodGet), URL: textOf(args, "url"), Headers: map[string]string{}, Body: textOf(args, "body"),
		User: textOf(args, "username"), Password: textOf(args, "password"), Token: textOf(args, "token"),
		CA: textOf(args, "ca"), Insecure: args["insecure"] == true, Follow: args["follow"] != false,
	}
	headers, _ := args["headers"].(map[string]any)
	for name := range headers {
		r.Headers[name] = textOf(headers, name)
	}
	return r, does(OnlyReads(args), map[string]any{"method": r.Method, "url": args["url"]})
}

// Answered notes what an instance's request was answered with. An answer that is not expected is an error.
func (o *Outcome) Answered(in plan.Instance, r *request.Request, reply request.Reply) error {
	headers := make(map[string]any, len(reply.Headers))
	for name, value := range reply.Headers {
		headers[name] = value
	}
	o.Attributes.Values = map[string]any{
		"status": reply.Status, "url": reply.URL, "headers": headers, "body": reply.Body, "truncated": reply.Truncated,
	}
	if want, ok := expects(in.Args["status"], reply.Status); !ok {
		return &wire.Problem{
			Code: wire.CodeAction, Message: fmt.Sprintf("%s %s was answered with %s, and %s is expected", r.Method, r.URL, reply.Text, want),
			Quote: wire.Quote([]byte(reply.Body[:min(len(reply.Body), mostQuoted)])),
		}
	}
	return nil
}

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
