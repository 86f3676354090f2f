package reports

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"lode/miner"
)

// spark draws when a pattern was seen: a bar for each of up to 24 equal spans
// between its first and last day, as high as sessions met it then.
func spark(p miner.Pattern) template.HTML {
	const bars, width, height = 24, 120, 22
	if p.First.IsZero() || len(p.Evidence) == 0 {
		return ""
	}
	counts := make([]int, bars)
	span := p.Last.Sub(p.First) + time.Hour
	most := 0
	for _, t := range p.Times {
		i := int(float64(t.Sub(p.First)) / float64(span) * bars)
		counts[i]++
		most = max(most, counts[i])
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="spark" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s">`, width, height, width, height, times(p))
	for i, n := range counts {
		h := 1
		if n > 0 {
			h = 4 + (height-4)*n/most
		}
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="4" height="%d"/>`, i*width/bars, height-h, h)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // numbers and dates only
}

func times(p miner.Pattern) string {
	return fmt.Sprintf("seen between %s and %s", day(p.First), day(p.Last))
}
