package httpx_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/threads"
)

// 412 is about a precondition. A request that had none is told something else
// when others are always faster.
func TestUpdateThatOthersKeepFromHappening(t *testing.T) {
	f := newFixture(t)
	f.create("ada", "")
	f.store.before = func(_ context.Context, method string) error {
		if method == "Update" {
			return threads.ErrVersionMismatch
		}
		return nil
	}
	const path = "/v1/threads/thrd_1"
	f.send("PATCH", path, `{"title":"x"}`).refused(t, 409, "RESOURCE_CONFLICT")
	f.send("PATCH", path, `{"title":"x"}`, "If-Match: *").refused(t, 409, "RESOURCE_CONFLICT")
	f.do("POST", path+"/pin").refused(t, 409, "RESOURCE_CONFLICT")
	f.send("PATCH", path, `{"title":"x"}`, `If-Match: "1"`).refused(t, 412, "PRECONDITION_FAILED")
	require.Equal(t, `"1"`, f.do("GET", path).header.Get("Etag"), "nothing was changed")
}
