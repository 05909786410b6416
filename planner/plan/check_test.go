package plan

import "testing"

// TestCheck: an index that leads nowhere, or in a circle, is found.
func TestCheck(t *testing.T) {
	good := func() *Plan {
		return &Plan{
			Connections: []Connection{{Parent: -1}, {Parent: 0}}, Hosts: []Host{{Connection: 1}, {Connection: -1}}, Facts: []int{0},
			Jobs: []Job{
				{Hosts: []int{0}, Tasks: []Task{{Connections: map[int]int{0: 1}, Facts: []int{1}}}, Tries: []Try{{Parent: -1, To: 1}}},
				{After: []int{0}},
			},
		}
	}
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(p *Plan){
		"circle":         func(p *Plan) { p.Connections[0].Parent = 0 },
		"later parent":   func(p *Plan) { p.Connections[0].Parent = 1 },
		"connection":     func(p *Plan) { p.Hosts[0].Connection = 2 },
		"facts":          func(p *Plan) { p.Facts[0] = 2 },
		"after itself":   func(p *Plan) { p.Jobs[1].After[0] = 1 },
		"host":           func(p *Plan) { p.Jobs[0].Hosts[0] = -1 },
		"try":            func(p *Plan) { p.Jobs[0].Tries[0].To = 2 },
		"try in itself":  func(p *Plan) { p.Jobs[0].Tries[0].Parent = 0 },
		"task's facts":   func(p *Plan) { p.Jobs[0].Tasks[0].Facts[0] = 7 },
		"task's way":     func(p *Plan) { p.Jobs[0].Tasks[0].Connections[0] = 9 },
		"host of a way":  func(p *Plan) { p.Jobs[0].Tasks[0].Connections[5] = 0 },
		"far connection": func(p *Plan) { p.Connections[1].Parent = 1 << 40 },
	} {
		p := good()
		spoil(p)
		if p.Check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
