// Package results is what the lab says of its runs.
package results

// Result is what was run against one store and what came of it.
type Result struct {
	Test     string         // the test, as -run names it
	Long     bool           // in the long form
	Fault    string         // what was done to the store, in a few words
	Store    string         // memory, bolt, sqlite
	Runs     int            // how often
	Outcomes map[string]int // what came of it, in a few words that are the same for many, and how often
	Controls map[string]int `json:",omitempty"` // the same without what should protect: what was lost, and how often
}
