package registry

import (
	"math"
	"math/bits"
)

// Percent is how much of the job is done, 0 to 100 with two decimals. One that has not ended is never at 100, and a
// completed one without checks is whole.
func (j *Job) Percent() float64 {
	if j.Status == JobCompleted {
		return 100
	}
	return percent(j.Processed, j.Total, j.Status.Ended())
}

// Percent is how much of the file was read, 0 to 100 with two decimals. An import that has not ended is never at 100.
func (b *ImportBatch) Percent() float64 {
	if b.Status == ImportCompleted {
		return 100
	}
	return percent(b.BytesRead, b.BytesTotal, b.Status.Ended())
}

// percent is rounded down: what is not all is never 100.
func percent(done, total int64, ended bool) float64 {
	if total <= 0 || done <= 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(min(done, total)), 100*100)
	hundredths, _ := bits.Div64(high, low, uint64(total))
	if !ended {
		hundredths = min(hundredths, 100*100-1)
	}
	return float64(hundredths) / 100
}

// PerSecond is a rate as it is shown: with one decimal, and below 1, where that would tell little, with three.
func PerSecond(rate float64) float64 {
	if rate < 1 {
		return math.Round(rate*1000) / 1000
	}
	return math.Round(rate*10) / 10
}
