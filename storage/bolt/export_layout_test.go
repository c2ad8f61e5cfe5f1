package bolt

import "go.etcd.io/bbolt"

// AddUpgrade makes the package write one layout more, which this step leads
// to, until the returned function is called.
func AddUpgrade(step func(*bbolt.Tx) error) (remove func()) {
	upgrades = append(upgrades, step)
	return func() { upgrades = upgrades[:len(upgrades)-1] }
}
