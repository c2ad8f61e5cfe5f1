// Package apitest holds the HTTP API to its description, package httpx to
// httpx.OpenAPI: every request that is accepted, and every answer there is.
//
// It is tests alone, in a module of its own, so that nobody who imports Skein
// sees what they need.
package apitest
