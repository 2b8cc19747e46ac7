package e2e_test

import (
	"fmt"
	"strings"
	"testing"
)

// schedules makes a schedule, sees its jobs, holds, runs, changes and deletes it.
func schedules(t *testing.T, s *site) {
	s.seed(t)
	tb := s.dashboard(t, "schedules")
	tb.click(id("new-schedule-link"))
	tb.wait(id("platform-WHATSAPP"))
	tb.wait(id("target-size")) // the form is as long as it gets
	tb.click(id("schedule-submit"))
	tb.wait(id("user-error")) // it has no name
	tb.fill(id("schedule-name"), "Kept fresh")
	tb.click(id("platform-WHATSAPP"))
	tb.click(id("region-CO"))
	numbers := tb.count(id("target-size"), "data-count")
	tb.fill(id("schedule-every"), "12")
	tb.choose(id("schedule-unit"), "hours")
	tb.fill(id("schedule-budget-input"), fmt.Sprint(numbers+10))
	tb.shot("desktop-schedule-form")
	tb.click(id("schedule-submit"))

	// The first job of a new schedule starts at once, and its checks count in the budget.
	tb.waitFor(id("schedule-detail"), "data-status", "ACTIVE")
	if text := tb.text(id("schedule-numbers")); !strings.Contains(text, "Colombia") {
		t.Errorf("its numbers show as %q", text)
	}
	tb.waitFor(id("schedule-jobs")+" "+id("job"), "data-status", "COMPLETED")
	tb.waitFor(id("schedule-budget"), "data-spent", fmt.Sprint(numbers))
	tb.waitFor(id("schedule-budget"), "data-limit", fmt.Sprint(numbers+10))
	tb.shot("desktop-schedule")
	schedule := eval[string](tb, query(id("schedule-detail"))+".dataset.id")

	// What it has checked is fresh now, but for what got no answer: that is asked again, as far as the budget goes.
	tb.click(id("schedule-run"))
	tb.wait(id("schedule-ran"))
	tb.click(id("schedule-pause"))
	tb.waitFor(id("schedule-detail"), "data-status", "PAUSED")
	until[bool](tb, query(id("schedule-next"))+`?.innerText.includes("held")`)
	tb.click(id("schedule-resume"))
	tb.waitFor(id("schedule-detail"), "data-status", "ACTIVE")

	tb.click(id("schedule-edit"))
	until[bool](tb, query(id("region-CO"))+`?.checked && `+query(id("platform-WHATSAPP"))+`?.checked`)
	tb.fill(id("schedule-name"), "Kept fresher")
	tb.choose(id("schedule-priority"), "HIGH")
	tb.click(id("region-CO"))
	tb.click(id("schedule-submit"))
	tb.wait(id("schedule-detail"))
	until[bool](tb, query(id("schedule-detail"))+`?.innerText.includes("Kept fresher")`)
	until[bool](tb, query(id("schedule-numbers"))+`?.innerText === "All valid numbers"`)
	var d struct {
		ValidationSchedule struct {
			Every, Priority string
			BudgetPerDay    int64
			Filter          struct{ Regions []string }
		}
	}
	s.query(&d, `query($id: ID!) { validationSchedule(id: $id) { every priority budgetPerDay filter { regions } } }`, map[string]any{"id": schedule})
	if got := d.ValidationSchedule; got.Every != "PT12H" || got.Priority != "HIGH" || got.BudgetPerDay != numbers+10 || len(got.Filter.Regions) > 0 {
		t.Errorf("the schedule is %+v", got)
	}

	// A job tells which schedule has started it.
	tb.visit("jobs")
	tb.wait(id("job-origin") + fmt.Sprintf("[data-schedule=%q]", schedule))

	tb.visit("schedules/" + schedule)
	tb.click(id("schedule-delete"))
	tb.click(id("schedule-delete-confirm"))
	tb.wait(id("view-schedules") + " " + id("empty"))
	s.quiet(t, tb)
}

// workers looks at who asks the platforms. What they have done shows without a word from the reader.
func workers(t *testing.T, s *site) {
	s.seed(t)
	tb := s.dashboard(t, "workers")
	tb.wait(id("worker") + " " + id("worker-version"))
	tb.waitFor(id("fleet-platform")+`[data-platform="WHATSAPP"]`, "data-workers", "1")
	tb.wait(id("fleet-platform") + `[data-platform="WHATSAPP"] ` + id("simulated-badge"))
	tb.waitFor(id("worker-platform")+`[data-platform="WHATSAPP"] `+id("breaker"), "data-state", "CLOSED")
	done := `Number(` + query(id("worker-platform")+`[data-platform="WHATSAPP"]`) + `?.dataset.checked)`
	before := eval[int64](tb, done)
	s.finishedJob(t, "for the workers")
	until[bool](tb, fmt.Sprintf("%s >= %d", done, before+40))
	tb.shot("desktop-workers")
	s.quiet(t, tb)
}
