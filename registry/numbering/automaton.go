package numbering

import (
	"encoding/binary"
	"fmt"
	"math"
	"regexp/syntax"
	"slices"
)

// An automaton matches strings of decimal digits against up to 16 regular
// expressions at once, in one pass and without allocating. The expressions of a
// numbering plan are small (they match no more than 17 digits), so the
// deterministic automaton for all of them together stays in the hundreds or low
// thousands of states. It answers exactly what regexp would answer for
// "^(?:pattern)"; which one of several ways to match makes no difference to it.
type automaton struct {
	states []state
}

// A state holds where each digit leads (0 is the dead state) and which patterns
// have matched when the input read so far is a prefix (here) or all (atEnd) of
// the text. The two differ only for patterns with a $.
type state struct {
	next        [10]uint16
	here, atEnd uint16
}

const (
	deadState  = 0
	startState = 1
)

// compileAutomaton builds the automaton of the patterns; bit i of a match stands
// for patterns[i]. An empty pattern matches nothing.
func compileAutomaton(patterns ...string) (*automaton, error) {
	if len(patterns) > 16 {
		return nil, fmt.Errorf("%d patterns in one automaton: at most 16", len(patterns))
	}
	b := builder{index: map[string]uint16{}}
	var start []thread
	for i, p := range patterns {
		if p == "" {
			b.programs = append(b.programs, nil)
			continue
		}
		re, err := syntax.Parse(p, syntax.Perl)
		if err != nil {
			return nil, fmt.Errorf("pattern %d: %w", i, err)
		}
		prog, err := syntax.Compile(re.Simplify())
		if err != nil {
			return nil, fmt.Errorf("pattern %d: %w", i, err)
		}
		b.programs = append(b.programs, prog)
		start = append(start, thread{uint32(i), uint32(prog.Start)})
	}
	b.states = append(b.states, state{}) // the dead state
	b.add(b.closure(start, true))
	for done := 0; done < len(b.pending); { // more are added on the way
		threads := b.pending[done]
		done++
		for d := range 10 {
			next, err := b.step(threads, rune('0'+d))
			if err != nil {
				return nil, err
			}
			b.states[done].next[d] = next
		}
	}
	return &automaton{states: b.states}, nil
}

// matchAll returns the patterns that match all of digits.
func (a *automaton) matchAll(digits []byte) uint16 {
	s := uint16(startState)
	for _, d := range digits {
		if s = a.states[s].next[d-'0']; s == deadState {
			return 0
		}
	}
	return a.states[s].atEnd
}

// matchPrefix tells whether any pattern matches a prefix of digits of at least
// one digit.
func (a *automaton) matchPrefix(digits []byte) bool {
	s := uint16(startState)
	for _, d := range digits {
		if s = a.states[s].next[d-'0']; s == deadState {
			return false
		}
		if a.states[s].here != 0 {
			return true
		}
	}
	return s != startState && a.states[s].atEnd != 0
}

// A thread is one place in one of the programs.
type thread struct{ program, pc uint32 }

// A builder turns the programs into states by the subset construction.
type builder struct {
	programs []*syntax.Prog
	states   []state
	index    map[string]uint16 // set of threads → state
	pending  [][]thread        // threads of state i+1
}

// step returns the state that threads reach by reading r.
func (b *builder) step(threads []thread, r rune) (uint16, error) {
	var after []thread
	for _, t := range threads {
		if inst := &b.programs[t.program].Inst[t.pc]; consumes(inst) && inst.MatchRune(r) {
			after = append(after, thread{t.program, inst.Out})
		}
	}
	if len(after) == 0 {
		return deadState, nil
	}
	set := b.closure(after, false)
	if s, ok := b.index[setKey(set)]; ok {
		return s, nil
	}
	if len(b.states) == math.MaxUint16 {
		return 0, fmt.Errorf("automaton of more than %d states", math.MaxUint16)
	}
	return b.add(set), nil
}

// add makes a new state of a closed set of threads.
func (b *builder) add(set []thread) uint16 {
	s := uint16(len(b.states))
	b.index[setKey(set)] = s
	b.pending = append(b.pending, set)
	b.states = append(b.states, state{here: b.matches(set, false), atEnd: b.matches(set, true)})
	return s
}

// matches returns the programs that are done at this set, at the end of the text
// or anywhere.
func (b *builder) matches(set []thread, atEnd bool) uint16 {
	var mask uint16
	stack := slices.Clone(set)
	for len(stack) > 0 {
		t := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		switch inst := &b.programs[t.program].Inst[t.pc]; inst.Op {
		case syntax.InstMatch:
			mask |= 1 << t.program
		case syntax.InstEmptyWidth:
			if atEnd && syntax.EmptyOp(inst.Arg)&^(syntax.EmptyEndText|syntax.EmptyEndLine) == 0 {
				stack = append(stack, b.closure([]thread{{t.program, inst.Out}}, false)...)
			}
		}
	}
	return mask
}

// closure follows everything that reads no digit and returns the sorted set of
// places where a digit, the end of the text or a match is next.
func (b *builder) closure(threads []thread, atStart bool) []thread {
	seen := map[thread]bool{}
	var set []thread
	stack := slices.Clone(threads)
	for len(stack) > 0 {
		t := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[t] {
			continue
		}
		seen[t] = true
		inst := &b.programs[t.program].Inst[t.pc]
		switch inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, thread{t.program, inst.Out}, thread{t.program, inst.Arg})
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, thread{t.program, inst.Out})
		case syntax.InstEmptyWidth:
			if atStart && syntax.EmptyOp(inst.Arg)&^(syntax.EmptyBeginText|syntax.EmptyBeginLine) == 0 {
				stack = append(stack, thread{t.program, inst.Out})
				continue
			}
			set = append(set, t)
		case syntax.InstFail:
		default:
			set = append(set, t)
		}
	}
	slices.SortFunc(set, func(x, y thread) int {
		if x.program != y.program {
			return int(x.program) - int(y.program)
		}
		return int(x.pc) - int(y.pc)
	})
	return set
}

func consumes(inst *syntax.Inst) bool {
	switch inst.Op {
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		return true
	}
	return false
}

func setKey(set []thread) string {
	key := make([]byte, 0, 8*len(set))
	for _, t := range set {
		key = binary.LittleEndian.AppendUint32(key, t.program)
		key = binary.LittleEndian.AppendUint32(key, t.pc)
	}
	return string(key)
}
