// Package apikey authenticates requests by API keys that are kept in a file.
//
// A key is a secret that is shown once, when it is made, and a record of which
// the file keeps only the SHA-256 of the secret. A secret is
//
//	skein_ + 43 characters + 6 characters
//
// in base62: 256 random bits, and their checksum. The prefix and the checksum
// are for people and for scanners that look for leaked secrets ([Generated]);
// they take no part in authentication.
//
// A fast hash is enough here, as it would not be for passwords: nobody can
// guess 256 random bits, however many hashes they can try a second. A slow
// one would protect nothing more, and let strangers keep the server busy.
//
// [File.Authenticate] looks the presented secret up by its hash, whatever form
// it has, and compares the hashes in constant time. The hash is all that the
// time of the look-up could tell of, and nobody gets from it to the secret.
// Changes of the file are noticed, so that a revoked key is out with the next
// request.
//
// # What a key opens
//
// A key is of one user and has a [threads.Scope], which becomes that of the
// [httpx.Caller]: all of the user's threads, or those of the organizations that
// it names, and the personal ones if it names these. It opens nothing that it
// does not name: a key of org_abc123 neither lists nor deletes personal threads.
//
// # Rotation
//
// A user may have several keys that are good, so a key can be replaced without
// a moment in which none is:
//
//	skein keys add --keys keys.json --user ada     # 1. a second key; the first one stays good
//	                                               # 2. give its secret to the clients
//	skein keys list --keys keys.json               # 3. wait until LAST USED of the first goes on no more
//	skein keys revoke --keys keys.json key_…       # 4. end the first, at once
//
// or the same with [File.Add], [File.LastUsed] and [File.Revoke]. A server that
// runs notices each step. With --expires a key ends by itself, if step 4 should
// be forgotten.
//
// # When keys were last used
//
// [File.Authenticate] notes in memory, to the minute, which keys are used.
// [File.SaveUses] writes that to a file of its own beside the keys, whose name
// ends in ".uses"; skein serve does so every minute and when it ends. So a
// request never waits for a write, a server that may not write still lets
// callers in, and the keys file is written by who changes keys and nobody else.
//
// # What it is bad at
//
// A change rewrites the file, and each request asks the system whether the
// file was changed: made for some thousands of keys on a local disk, not for
// millions or for a network share. A file that was changed in place, with the
// same size and the same modification time long ago, is taken for unchanged;
// nothing in this package changes it so.
package apikey
