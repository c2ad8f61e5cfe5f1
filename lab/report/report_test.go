package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/skein-go/skein/lab/results"
)

// TestThePageIsWhatWasFound: nobody writes outcomes by hand.
func TestThePageIsWhatWasFound(t *testing.T) {
	list, err := read("../results/results.jsonl")
	require.NoError(t, err)
	page, err := os.ReadFile("../../docs/reliability.md")
	require.NoError(t, err)
	made, err := insert(page, table(list))
	require.NoError(t, err)
	require.Equal(t, string(made), string(page), "go run ./report makes it anew")
}

func TestTable(t *testing.T) {
	path := t.TempDir() + "/results"
	require.NoError(t, os.WriteFile(path, []byte(`{"Test":"TestB/bolt","Fault":"seconds","Store":"bolt","Runs":1,"Outcomes":{"kept":1}}
{"Test":"TestB/bolt","Long":true,"Fault":"hours","Store":"bolt","Runs":7,"Outcomes":{"kept":6,"refused":7},"Controls":{"lost":3}}
{"Test":"TestB/bolt","Fault":"seconds","Store":"bolt","Runs":2,"Outcomes":{"kept":2}}
{"Test":"TestA","Fault":"races","Store":"memory","Runs":5,"Controls":{"found":5}}
`), 0o600))
	list, err := read(path)
	require.NoError(t, err)
	require.Equal(t, []results.Result{
		{Test: "TestA", Fault: "races", Store: "memory", Runs: 5, Controls: map[string]int{"found": 5}},
		{Test: "TestB/bolt", Long: true, Fault: "hours", Store: "bolt", Runs: 7, Outcomes: map[string]int{"kept": 6, "refused": 7}, Controls: map[string]int{"lost": 3}},
	}, list)
	require.Equal(t, "| fault | store | runs | what came of it | command |\n|---|---|--:|---|---|\n"+
		"| races | memory | 5 | Control: 5 found | `go test -run '^TestA$' .` |\n"+
		"| hours | bolt | 7 | 7 refused; 6 kept. Control: 3 lost | `SKEIN_LAB=long go test -timeout 0 -run '^TestB$' .` |\n", table(list))
	_, err = insert([]byte("a page without marks"), "")
	require.Error(t, err)
}
