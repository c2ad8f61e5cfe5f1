package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/skein-go/skein/httpx/ratelimit"
)

// parseRate reads N/s or N/s:BURST, such as 20/s, 0.5/s:10.
func parseRate(text string) (*ratelimit.Options, error) {
	malformed := errors.New("it must be N/s or N/s:BURST, like 20/s, 0.5/s or 20/s:100")
	perSecond, burst, hasBurst := strings.Cut(text, ":")
	digits, ok := strings.CutSuffix(perSecond, "/s")
	if !ok || strings.Trim(digits, "0123456789.") != "" {
		return nil, malformed
	}
	var o ratelimit.Options
	var err error
	if o.PerSecond, err = strconv.ParseFloat(digits, 64); err != nil {
		return nil, malformed
	}
	if hasBurst {
		if o.Burst, err = strconv.Atoi(burst); err != nil {
			return nil, malformed
		}
	}
	if o.PerSecond == 0 || hasBurst && o.Burst == 0 {
		return nil, errors.New("it would let nobody in; without the flag there is no limit")
	}
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("it would not work: %w", err)
	}
	return &o, nil
}
