// Package chaos holds no program: its tests run a whole cluster of real processes, break it in every way they know, and
// then check against a model of their own that every accepted check was done exactly once. docs/reliability.md tells
// what is promised, what is broken and how to repeat a run.
package chaos
