package plan

import (
	"slices"
	"testing"
)

// TestBehind: all that leads through a connection is behind it, each hop after its parent, and nothing else.
func TestBehind(t *testing.T) {
	parents := []int{-1, 0, -1, 1, 0, 2, 3}
	connections := make([]Connection, len(parents))
	for i, parent := range parents {
		connections[i].Parent = parent
	}
	tree := NewTree(connections)
	for c, want := range [][]int{{0, 1, 4, 3, 6}, {1, 3, 6}, {2, 5}, {3, 6}, {4}, {5}, {6}} {
		if got := tree.Behind(c); !slices.Equal(got, want) {
			t.Errorf("behind %d are %v, want %v", c, got, want)
		}
	}
}
