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
// it has, and notices when the file is changed, so that a revoked key is out
// with the next request.
//
// # What it is bad at
//
// A change rewrites the file, and each request asks the system whether the
// file was changed: made for some thousands of keys on a local disk, not for
// millions or for a network share. A file that was changed in place, with the
// same size and the same modification time long ago, is taken for unchanged;
// nothing in this package changes it so.
package apikey
