package diff

// maxDistance is how many differing lines are worth looking for the shortest way through. Beyond, the rest is one edit:
// a diff that long is cut short anyway. The search takes memory in its square, 1 MiB at most.
const maxDistance = 700

// edit says that the lines [from, to) of the old text become the lines [at, end) of the new one.
type edit struct{ from, to, at, end int }

// edits finds a short way from one text to the other, with the algorithm of E. Myers ("An O(ND) Difference Algorithm
// and Its Variations", 1986) between the common beginning and the common end.
func edits(a, b []string) []edit {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	x, y := number(a[head:len(a)-tail], b[head:len(b)-tail])
	if len(x) == 0 && len(y) == 0 {
		return nil
	}
	list := search(x, y)
	for i := range list {
		list[i].from += head
		list[i].to += head
		list[i].at += head
		list[i].end += head
	}
	return list
}

// number gives equal lines equal numbers, which compare faster.
func number(a, b []string) (x, y []int32) {
	seen := map[string]int32{}
	of := func(lines []string) []int32 {
		out := make([]int32, len(lines))
		for i, l := range lines {
			n, ok := seen[l]
			if !ok {
				n = int32(len(seen)) //nolint:gosec // content that is compared is small
				seen[l] = n
			}
			out[i] = n
		}
		return out
	}
	return of(a), of(b)
}

// search returns the edits from a to b. furthest[d] holds, for every diagonal k = x-y from -d to d, how far in a one can
// get with d insertions and deletions.
func search(a, b []int32) []edit {
	limit := min(len(a)+len(b), maxDistance)
	furthest := make([][]int32, 0, 16)
	for d := 0; d <= limit; d++ {
		now := make([]int32, 2*d+1)
		for k := -d; k <= d; k += 2 {
			x := step(furthest, d, k)
			y := x - k
			for x < len(a) && y < len(b) && a[x] == b[y] {
				x++
				y++
			}
			now[k+d] = int32(x) //nolint:gosec // likewise
			if x >= len(a) && y >= len(b) {
				return back(append(furthest, now), len(a), len(b), d)
			}
		}
		furthest = append(furthest, now)
	}
	return []edit{{0, len(a), 0, len(b)}}
}

// step says how far one gets on diagonal k with the d-th edit, before equal lines are passed.
func step(furthest [][]int32, d, k int) int {
	if d == 0 {
		return 0
	}
	last := furthest[d-1]
	at := func(k int) int { return int(last[k+d-1]) }
	if k == -d || k != d && at(k-1) < at(k+1) {
		return at(k + 1) // an insertion: down from the diagonal above
	}
	return at(k-1) + 1 // a deletion
}

// back walks the way back and joins neighbouring insertions and deletions to edits.
func back(furthest [][]int32, x, y, d int) []edit {
	var list []edit
	for ; d > 0; d-- {
		k := x - y
		startX := step(furthest, d, k)
		startY := startX - k
		fromX, fromY := startX, startY-1
		if !inserted(furthest, d, k) {
			fromX, fromY = startX-1, startY
		}
		e := edit{fromX, startX, fromY, startY}
		if n := len(list); n > 0 && list[n-1].from == e.to && list[n-1].at == e.end {
			list[n-1].from, list[n-1].at = e.from, e.at
		} else {
			list = append(list, e)
		}
		x, y = fromX, fromY
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

func inserted(furthest [][]int32, d, k int) bool {
	last := furthest[d-1]
	at := func(k int) int { return int(last[k+d-1]) }
	return k == -d || k != d && at(k-1) < at(k+1)
}
