package function

import (
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"

	"runner/lang/function/files"
)

// Run is what functions evaluate once a run, for all modules of it.
type Run struct {
	Time time.Time // of timestamp
	UUID string    // of uuid

	mu      sync.Mutex
	readers []*files.Reader        // of all modules
	hashes  map[bcryptInput]string // of bcrypt: a hash has a random salt
}

type bcryptInput struct {
	text string
	cost int
}

// NewRun returns the values of a run that starts now.
func NewRun() *Run {
	return &Run{Time: time.Now(), UUID: uuid.NewString()}
}

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
func (r *Run) bcrypt(text string, cost int) (string, error) {
	input := bcryptInput{text, cost}
	r.mu.Lock()
	hash, ok := r.hashes[input]
	r.mu.Unlock()
	if ok {
		return hash, nil
	}
	raw, err := bcrypt.GenerateFromPassword([]byte(text), cost)
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
