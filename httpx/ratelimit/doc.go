// Package ratelimit bounds how many requests each user makes of a handler of
// package httpx.
//
// Every user has a bucket of [Options.Burst] tokens that fills up again at
// [Options.PerSecond]. A request takes one; from an empty bucket it is a 429
// whose Retry-After says when there will be one again. Requests of one user
// never cost another.
//
// # What it is bad at
//
// It knows users, so it bounds only requests that were let in: what strangers
// send is for the proxy in front to bound. It counts in memory: several
// processes each allow the whole rate, and a restart fills every bucket.
//
// A bucket that must be full by now is forgotten, so the memory it takes is
// that of the users who made a request lately: at most those of the last two
// times in which an empty bucket fills.
package ratelimit
