package batch_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"runner/executor/batch"
)

// Hosts that come to the same places, in lockstep or not, some of which run once, all get to the end, however they are
// scheduled and wherever they leave: nobody waits in a circle. Whatever runs once does, and all that come to it get its
// result.
func TestNobodyWaitsForEver(t *testing.T) {
	const places = 20
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		lockstep := r.IntN(2) == 0
		once := map[int]bool{}
		for place := range places {
			once[place] = r.IntN(3) == 0
		}
		hosts := []int{7, 3, 5, 1}
		leaves := map[int]int{}
		for _, host := range hosts {
			leaves[host] = places
			if r.IntN(3) == 0 {
				leaves[host] = r.IntN(places)
			}
		}
		b := batch.New[int](hosts, lockstep)
		var mu sync.Mutex
		ran := map[int]int{}
		var all sync.WaitGroup
		for _, host := range hosts {
			all.Go(func() {
				for place := range leaves[host] {
					b.Reach(host, place)
					if c := b.Reached(place); b.Lockstep && c != nil {
						<-c
					}
					for once[place] {
						turn, mine, wait := b.Turn(host, place)
						if mine {
							mu.Lock()
							ran[place]++
							mu.Unlock()
							b.Publish(turn, place+1)
							break
						}
						if wait == nil {
							if turn.Result != place+1 {
								t.Errorf("the result of %d is %d", place, turn.Result)
							}
							break
						}
						<-wait
					}
				}
				b.Reach(host, batch.Nowhere)
			})
		}
		all.Wait()
		for place, n := range ran {
			if n != 1 {
				t.Errorf("seed %d: what is at place %d ran %d times", seed, place, n)
			}
		}
	}
}

// A host that leaves before its turn hands it to the next one; levels count those that are still there.
func TestWhoseTurn(t *testing.T) {
	b := batch.New[string]([]int{10, 20}, true)
	_, mine, wait := b.Turn(20, 5)
	if mine || wait == nil {
		t.Fatal("it is the second one's turn although the first may still come")
	}
	b.Reach(20, 5)
	level := b.Reached(5)
	if level == nil {
		t.Fatal("all have come although one has not")
	}
	b.Reach(10, batch.Nowhere)
	<-wait
	<-level
	if _, mine, _ = b.Turn(20, 5); !mine {
		t.Error("it is nobody's turn")
	}
}
