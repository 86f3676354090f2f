package query

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Span returns the moments that a time filter lets pass, both included; a zero
// one is open. Days are of now's zone.
func (n Time) Span(now time.Time) (since, until time.Time, err error) {
	from, to, err := moments(n.Text, now)
	switch {
	case err != nil:
		return since, until, err
	case n.Name == "since":
		return from, until, nil
	case n.Name == "until":
		return since, to, nil
	}
	return from, to, nil
}

// moments returns the first and last moment of what a text names.
func moments(text string, now time.Time) (from, to time.Time, err error) {
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch text {
	case "all":
		return from, to, nil
	case "today":
		return midnight, dayEnd(midnight.AddDate(0, 0, 1)), nil
	case "yesterday":
		return midnight.AddDate(0, 0, -1), dayEnd(midnight), nil
	}
	if t, ok := back(text, now); ok {
		return t, t, nil
	}
	for _, f := range []struct {
		layout       string
		years, month int
		days         int
	}{{"2006-01-02", 0, 0, 1}, {"2006-01", 0, 1, 0}, {"2006", 1, 0, 0}} {
		if t, err := time.ParseInLocation(f.layout, text, now.Location()); err == nil {
			return t, dayEnd(t.AddDate(f.years, f.month, f.days)), nil
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, t, nil
		}
	}
	return from, to, fmt.Errorf("%q is not a time (want 30d, 12h, 4w, 2026-05-01, 2026-05, today or yesterday)", text)
}

func dayEnd(next time.Time) time.Time { return next.Add(-time.Millisecond) }

// maxBack keeps spans within the calendar.
const maxBack = 100_000

// back reads a span before now: 12h, 30d, 4w.
func back(text string, now time.Time) (time.Time, bool) {
	if len(text) < 2 || strings.Trim(text[:len(text)-1], "0123456789") != "" {
		return time.Time{}, false
	}
	n, err := strconv.Atoi(text[:len(text)-1])
	if err != nil || n > maxBack {
		return time.Time{}, false
	}
	switch text[len(text)-1] {
	case 'h':
		return now.Add(-time.Duration(n) * time.Hour), true
	case 'd':
		return now.AddDate(0, 0, -n), true
	case 'w':
		return now.AddDate(0, 0, -7*n), true
	}
	return time.Time{}, false
}
