package wasmill

// pendingTimers are timers that a call has set or cleared, and that the host does not know of yet: by
// name, in the order in which the names came.
type pendingTimers struct {
	named  []namedTimers
	places map[string]int
}

type namedTimers struct {
	name string
	// said is in the order in which it was said; the last word on a key counts.
	said []saidTimer
}

type saidTimer struct {
	key   uint32
	clear bool
	clock Clock
	at    int64
}

func (p *pendingTimers) say(name string, said saidTimer) {
	// Most functions have one timer.
	place := len(p.named) - 1
	if place < 0 || p.named[place].name != name {
		place = p.place(name)
	}
	named := &p.named[place]
	named.said = append(named.said, said)
}

func (p *pendingTimers) place(name string) int {
	place, known := p.places[name]
	if !known {
		if p.places == nil {
			p.places = map[string]int{}
		}
		place = len(p.named)
		p.places[name] = place
		p.named = append(p.named, namedTimers{name: name})
	}
	return place
}

// last is what was said last of a key's timer.
func (p *pendingTimers) last(name string, key uint32) (saidTimer, bool) {
	place, known := p.places[name]
	if known {
		said := p.named[place].said
		for i := len(said) - 1; i >= 0; i-- {
			if said[i].key == key {
				return said[i], true
			}
		}
	}
	return saidTimer{}, false
}

// send tells the host.
func (p *pendingTimers) send(keyed *Keyed) {
	for _, named := range p.named {
		last := map[uint32]int{}
		for i, said := range named.said {
			last[said.key] = i
		}
		var keys [2][]uint32
		var at [2][]int64
		var cleared []uint32
		for i, said := range named.said {
			switch {
			case last[said.key] != i:
			case said.clear:
				cleared = append(cleared, said.key)
			default:
				keys[said.clock] = append(keys[said.clock], said.key)
				at[said.clock] = append(at[said.clock], said.at)
			}
		}
		for clock := range keys {
			if len(keys[clock]) > 0 {
				keyed.SetTimers(Clock(clock), named.name, keys[clock], at[clock])
			}
		}
		if len(cleared) > 0 {
			keyed.ClearTimers(named.name, cleared)
		}
	}
}
