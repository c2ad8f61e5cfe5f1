package tabletest_test

import (
	"errors"
	"testing"

	"github.com/skein-go/skein/examples/tabletest"
	"github.com/skein-go/skein/storage/memory"
	"github.com/skein-go/skein/threads"
)

func TestLeave(t *testing.T) {
	const user, organization = "ada", "org_abc123"
	tests := []struct {
		name  string
		has   []string // the organizations of the user's threads; "" is personal
		leave string
		say   string
		err   error
		keeps int64
	}{
		{"nothing there", []string{"", "org_other"}, organization, "You had no conversations there.", nil, 2},
		{"one", []string{organization, ""}, organization, "Your conversation is in the trash.", nil, 1},
		{"several", []string{organization, "", organization}, organization, "Your 2 conversations are in the trash.", nil, 1},
		{"no organization", []string{organization, ""}, "", "", threads.ErrInvalid, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			svc := threads.NewService(memory.New(), nil)
			for _, o := range tt.has {
				if _, err := svc.Create(t.Context(), user, threads.Draft{Organization: o}); err != nil {
					t.Fatal(err)
				}
			}
			say, err := tabletest.Leave(t.Context(), svc, user, tt.leave)
			if say != tt.say || !errors.Is(err, tt.err) {
				t.Errorf("Leave(%q) = %q, %v; want %q, %v", tt.leave, say, err, tt.say, tt.err)
			}
			if n, err := svc.Count(t.Context(), user, threads.All()); n.Live != tt.keeps || err != nil {
				t.Errorf("afterwards the user has %d live threads, %v; want %d", n.Live, err, tt.keeps)
			}
		})
	}
}
