package guard

// work counts the steps that validation takes: it looks at each operation and each fragment by itself, and each time at
// everything that is reached from there, once. Counting stops beyond the limit, so it takes no more steps than that.
func work(all []*measure, limit int) (steps int) {
	for i, m := range all {
		if steps = add(steps, m.reach(i+1, limit-steps)); steps > limit {
			break
		}
	}
	return steps
}

// reach counts the steps in all that is reached from m and was not yet looked at for the same start.
func (m *measure) reach(start, limit int) (steps int) {
	if m.start == start {
		return 0
	}
	m.start = start
	steps = m.own
	for _, next := range m.spreads {
		if steps > limit {
			break
		}
		steps = add(steps, next.reach(start, limit-steps))
	}
	return steps
}
