package sources

import (
	"strings"
	"testing"
)

// A password is in no address: the target's programs would show it on their command lines.
func TestG36NoPasswordInAddresses(t *testing.T) {
	for _, url := range []string{"https://me:hunter2@example.net/shop.git", "ssh://me:hunter2@example.net/shop.git"} {
		err := checkGit(map[string]any{"url": url, "path": "/srv/shop"})
		if err == nil || !strings.Contains(err.Error(), "must hold no password") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("git %s: %v", url, err)
		}
	}
	for _, url := range []string{"https://me@example.net/a:b@c.git", "ssh://git@example.net:2222/shop.git", "git@example.net:shop.git", "https://example.net:8443/shop.git", "/srv/a:b@c"} {
		if err := checkGit(map[string]any{"url": url, "path": "/srv/shop"}); err != nil {
			t.Errorf("git %s: %v", url, err)
		}
	}
	for key, wrong := range map[string]bool{"-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n": false, "ssh-ed25519 AAAA me": true, "nonsense": true, "": true} {
		if err := checkGit(map[string]any{"url": "/srv/x", "path": "/srv/shop", "key": key}); (err != nil) != wrong || wrong && strings.Contains(err.Error(), "nonsense") {
			t.Errorf("git with the key %q: %v", key, err)
		}
	}
	if err := checkDownload(map[string]any{"url": "https://me:hunter2@example.net/x", "path": "/srv/x"}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("download: %v", err)
	}
}
