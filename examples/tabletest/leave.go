// Package tabletest shows how a host tests code of its own that uses Skein:
// a table of cases, each with a store in memory of its own.
package tabletest

import (
	"context"
	"fmt"

	"github.com/skein-go/skein/threads"
)

// Leave deletes what the user has in an organization that they leave. It
// returns what to tell them.
func Leave(ctx context.Context, svc *threads.Service, user, organization string) (string, error) {
	deletion, err := svc.SoftDeleteAll(ctx, user, threads.InOrganization(organization))
	if err != nil {
		return "", fmt.Errorf("leave %s: %w", organization, err)
	}
	switch deletion.Count {
	case 0:
		return "You had no conversations there.", nil
	case 1:
		return "Your conversation is in the trash.", nil
	}
	return fmt.Sprintf("Your %d conversations are in the trash.", deletion.Count), nil
}
