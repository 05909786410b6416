package lang

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"runner/agent/action/given"
	"runner/agent/schema"
)

func httpSchema() schema.Block {
	return schema.Block{
		Name: "http",
		Doc: "Makes an HTTP request from the target, and fails unless the answer is one that is expected. The target's agent connects, and resolves the name there; what goes " +
			"over the connection is runner's to say, encrypted from end to end with https, so nothing is needed on the target: no curl and no certificates. No proxy is used. " +
			"It takes no lane, and its place in the order: nothing behind it is sent before it is answered, and a request takes two round trips, with https three. " +
			"GET, HEAD and OPTIONS change nothing unless `changes` says so, and other methods are a change unless it says not; but what is on the target is taken to stay as it is. " +
			"Without it a preview makes no request. With `changes = false` it does, as of a command, unless an earlier task of the host would change something: then the result is not known yet. " +
			"It waits for 30 seconds unless `timeout` says how long. What is to be true of the answer beside its status is said by `failed_when`, and what it is to become by `retry`.",
		Arguments: []schema.Attribute{
			{Name: "url", Type: schema.String, Required: true, Doc: "An `http` or `https` address, without a user and a password."},
			{Name: "method", Type: schema.String, Doc: "In capital letters. Default `GET`."},
			{Name: "headers", Type: schema.Map, Reach: answered(), Doc: "What is said beside it, such as `Accept` or `Content-Type`."},
			{Name: "body", Type: schema.String, Free: true, Reach: answered(), Doc: "What is sent. Its kind is for `headers` to say."},
			{Name: "status", Type: schema.Numbers, Doc: "The statuses that are expected. Default: 200 to 299."},
			{Name: "username", Type: schema.String, Reach: answered(), Doc: "For basic authentication, with `password`."},
			{Name: "password", Type: schema.String, Secret: true, Reach: answered(), Doc: "The password of `username`."},
			{Name: "token", Type: schema.String, Secret: true, Reach: answered(), Doc: "For bearer authentication."},
			{Name: "ca", Type: schema.String, Free: true, Doc: "Certificates in PEM that are trusted instead of those of the machine that runs runner."},
			{Name: "insecure", Type: schema.Bool, Doc: "Whether anybody's certificate is trusted. Default false."},
			{Name: "follow", Type: schema.Bool, Doc: "Whether it goes where the answer sends it, ten times at most. Default true. Another server is told the body, but neither who asks nor `headers`, except `Accept`, `User-Agent` and what begins with `Content-`."},
			{Name: "changes", Type: schema.Bool, Doc: "Whether the request is a change."},
		},
		Results: []schema.Attribute{
			{Name: "status", Type: schema.Number, Doc: "The status of the answer."},
			{Name: "url", Type: schema.String, Doc: "What was asked last."},
			{Name: "headers", Type: schema.Map, Doc: "Headers of the answer by name, in lower case; several of one name are joined by commas."},
			{Name: "body", Type: schema.String, Doc: "The first MiB of the body. `jsondecode` takes it apart."},
			{Name: "truncated", Type: schema.Bool, Doc: "Whether there was more."},
		},
		Environ: &schema.Reach{},
		Example: `task "http" "health" {
  url = "https://shop.example.net/health"
  ca  = <<-EOT
    -----BEGIN CERTIFICATE-----
    MIIBszCCARygAwIBAgIU…
    -----END CERTIFICATE-----
  EOT

  failed_when = jsondecode(result.body).status != "up"
  retry {
    attempts = 10
    delay    = "2s"
    until    = result.status == 200
  }
}

task "http" "release" {
  method   = "POST"
  url      = "http://localhost:8080/release"
  headers  = { Content-Type = "application/json" }
  body     = jsonencode({ version = "1.4.2" })
  username = "deploy"
  password = sensitive("correct horse")
  status   = [201, 202]
  follow   = false
}

task "http" "version" {
  url      = "https://localhost:8443/version"
  token    = sensitive("b5f1")
  insecure = true
  changes  = false
}`,
		Check: checkHTTP,
	}
}

// answered is how far reaches what a server is told, and can say again.
func answered() *schema.Reach {
	return &schema.Reach{Results: []string{"body", "headers", "url"}, Quote: true}
}

// checkHTTP finds what a request cannot be made with.
func checkHTTP(known map[string]any) error {
	var all []error
	wrong := func(argument, format string, values ...any) {
		all = append(all, given.Wrong(argument, format, values...))
	}
	if address, ok := known["url"].(string); ok {
		u, err := url.Parse(address)
		switch {
		case err != nil:
			wrong("url", "The url %q is none.", address)
		case u.Scheme != "http" && u.Scheme != "https":
			wrong("url", "The url %q must begin with http:// or https://.", address)
		case u.Hostname() == "":
			wrong("url", "The url %q names no host.", address)
		case !isPort(u.Port()):
			wrong("url", "The url %q has a port that there is not: they go from 1 to 65535.", address)
		case u.User != nil:
			wrong("url", "The url must not hold a user or a password: give them as username and password.")
		}
	}
	if method, ok := known["method"].(string); ok && (!isWord(method) || strings.ToUpper(method) != method) {
		wrong("method", "The method %q is none: it is a word in capital letters, such as POST.", method)
	}
	headers, _ := known["headers"].(map[string]any)
	for name, value := range headers {
		if text, ok := value.(string); !isWord(name) || ok && strings.ContainsAny(text, "\r\n\x00") {
			wrong("headers", "There can be no header of the name %q with that value: a name is one word, and a value one line.", name)
		}
	}
	statuses, _ := known["status"].([]any)
	for _, status := range statuses {
		if n, ok := status.(float64); ok && (n < 100 || n > 999 || n != float64(int(n))) {
			wrong("status", "%v is no status: it has three digits.", n)
		}
	}
	if known["status"] != nil && len(statuses) == 0 {
		if _, isList := known["status"].([]any); isList {
			wrong("status", "The list status is empty, so that no answer could be expected.")
		}
	}
	_, isUser := known["username"]
	_, isPassword := known["password"]
	_, isToken := known["token"]
	switch {
	case isUser != isPassword:
		all = append(all, given.Broken(map[bool]string{true: "username", false: "password"}[isUser], "The arguments username and password go together."))
	case isUser && isToken:
		all = append(all, given.Broken("token", "There is one way to say who asks: give a token, or username and password."))
	}
	if ca, ok := known["ca"].(string); ok && !strings.Contains(ca, "-----BEGIN CERTIFICATE-----") {
		wrong("ca", "The ca holds no certificate in PEM: file(\"ca.pem\") reads one.")
	}
	if known["insecure"] == true && known["ca"] != nil {
		wrong("ca", "What is insecure trusts every certificate: leave ca out, or insecure.")
	}
	return errors.Join(all...)
}

// isWord says whether a text can be a method or the name of a header: RFC 9110 calls it a token.
func isWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// isPort says whether the port of a URL, which may have none, is one.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil && n > 0
}
