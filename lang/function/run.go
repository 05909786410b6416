package function

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/crypto/bcrypt"

	"runner/lang/function/files"
)

// Run is what functions evaluate once a run, for all modules of it, and, if they are asked to, what they remember.
type Run struct {
	Once
	Remembers bool // keeps what expressions asked the environment for, and what tasks that are sensitive are given

	mu       sync.Mutex             // guards what follows
	readers  []*files.Reader        // of all modules
	hashes   map[bcryptInput]string // of bcrypt: a hash has a random salt
	asked    map[string]*string
	secrets  map[string]bool
	names    map[string]bool // keys of maps that are sensitive
	settled  bool            // Texts was asked for: what comes now is kept only by who remembers
	revealed map[string]bool
	wholes   map[string]bool // texts of which only all is sensitive
	files    map[string]bool // whose content is
}

// Once is what has one value in a run.
type Once struct {
	Time   time.Time         `cbor:"time"`             // of timestamp
	UUID   string            `cbor:"uuid"`             // of uuid
	Hashes map[string]string `cbor:"hashes,omitempty"` // of bcrypt, by what was hashed
}

type bcryptInput struct {
	text   string
	cost   int
	secret bool
}

// key is what a hash is known by where its text must not be.
func (i bcryptInput) key() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", i.cost, i.text))
	return hex.EncodeToString(sum[:])
}

// NewRun returns the values of a run that starts now.
func NewRun() *Run { return &Run{Once: Once{Time: time.Now(), UUID: uuid.NewString()}} }

// FileBytes is how many bytes the files have that the functions of all modules have read, each file once.
func (r *Run) FileBytes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	sizes := map[string]int{}
	for _, reader := range r.readers {
		reader.AddSizes(sizes)
	}
	n := 0
	for _, size := range sizes {
		n += size
	}
	return n
}

// bcrypt returns the hash of a text, the same for the same text and cost. Nobody waits for the hash of another text.
func (r *Run) bcrypt(input bcryptInput) (string, error) {
	if !input.secret {
		if hash, ok := r.Hashes[input.key()]; ok {
			return hash, nil
		}
	}
	r.mu.Lock()
	hash, ok := r.hashes[input]
	r.mu.Unlock()
	if ok {
		return hash, nil
	}
	raw, err := bcrypt.GenerateFromPassword([]byte(input.text), input.cost)
	if err != nil {
		return "", fmt.Errorf("cannot hash the text: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if hash, ok = r.hashes[input]; ok {
		return hash, nil // of another goroutine, in the meantime
	}
	if r.hashes == nil {
		r.hashes = map[bcryptInput]string{}
	}
	r.hashes[input] = string(raw)
	return string(raw), nil
}

// ask remembers that an expression asked for an environment variable.
func (r *Run) ask(name string, value *string) {
	if !r.Remembers {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked == nil {
		r.asked = map[string]*string{}
	}
	r.asked[name] = value
}

// Hide remembers the texts of a value that is sensitive, or has parts that are.
func (r *Run) Hide(v cty.Value) {
	if !v.ContainsMarked() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.settled && !r.Remembers {
		return
	}
	if r.secrets == nil {
		r.secrets, r.names = map[string]bool{}, map[string]bool{}
	}
	r.hide(v, false)
}

func (r *Run) hide(v cty.Value, hidden bool) {
	v, marks := v.Unmark()
	_, marked := marks[Sensitive]
	hidden = hidden || marked
	switch t := v.Type(); {
	case v.IsNull() || !v.IsKnown() || !hidden && !v.ContainsMarked():
	case t == cty.String:
		r.secrets[v.AsString()] = true
	case t == cty.Number && hidden:
		if text := v.AsBigFloat().Text('f', -1); len(text) >= longNumber {
			r.secrets[text] = true
		}
	case v.CanIterateElements():
		for it := v.ElementIterator(); it.Next(); {
			key, e := it.Element()
			if hidden && t.IsMapType() { // the names of attributes stand in types
				r.names[key.AsString()] = true
			}
			r.hide(e, hidden)
		}
	}
}

// longNumber is how many digits a number has that is not likely to stand elsewhere by chance.
const longNumber = 6

// reveal forgets the texts of a value of which the site says that it is not sensitive.
func (r *Run) reveal(v cty.Value) {
	shown := &Run{}
	bare, _ := v.UnmarkDeep()
	shown.Hide(bare.Mark(Sensitive))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.revealed == nil {
		r.revealed = map[string]bool{}
	}
	maps.Copy(r.revealed, shown.secrets)
	maps.Copy(r.revealed, shown.names)
}

// Texts returns what is sensitive by now: texts, but not the names of attributes. What an expression makes of results later is not among them
// at any time.
func (r *Run) Texts() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled = true
	out := map[string]bool{}
	maps.Copy(out, r.secrets)
	return out
}

// Revealed returns the texts of which the site has said that they are not sensitive, if there are others than a number of them.
func (r *Run) Revealed(known int) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.revealed) == known {
		return nil
	}
	return slices.Collect(maps.Keys(r.revealed))
}

// HideTask remembers what a task that is sensitive is given: texts that are sensitive as a whole, and names of files.
func (r *Run) HideTask(texts []string, files map[string]string) {
	if !r.Remembers {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wholes == nil {
		r.wholes, r.files = map[string]bool{}, map[string]bool{}
	}
	for _, t := range texts {
		r.wholes[t] = true
	}
	for _, f := range files {
		r.files[f] = true
	}
}

// Memory is what a run remembers.
type Memory struct {
	Once
	Asked   map[string]*string // of the environment; nil: it is not set
	Secrets map[string]bool
	Wholes  map[string]bool // texts of which only all is sensitive
	Files   map[string]bool // names of files whose content is
}

// Memory returns what the run remembers so far.
func (r *Run) Memory() Memory {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := Memory{Once: r.Once, Asked: maps.Clone(r.asked), Secrets: maps.Clone(r.secrets), Wholes: maps.Clone(r.wholes), Files: maps.Clone(r.files)}
	if len(r.names) > 0 {
		maps.Copy(out.Secrets, r.names)
	}
	maps.DeleteFunc(out.Secrets, func(s string, _ bool) bool { return r.revealed[s] })
	out.Hashes = map[string]string{}
	maps.Copy(out.Hashes, r.Hashes)
	for input, hash := range r.hashes {
		if !input.secret && !contains(r.secrets, input.text) && !contains(r.names, input.text) {
			out.Hashes[input.key()] = hash
		}
	}
	return out
}

func contains(secrets map[string]bool, text string) bool {
	for s := range secrets {
		if s != "" && strings.Contains(text, s) {
			return true
		}
	}
	return false
}
