// Package registry keeps model artefacts: content-addressed, signed, append-only.
//
// An artefact is a manifest and the files that it names by digest; its own digest is the SHA-256 of the manifest's bytes, and a
// sigstore bundle in the OpenSSF model-signing form signs them all. A Verified artefact is made here only, after the rows'
// keyed digests, the content digests, the signature under a key that the tenant trusts, the strict reading of the manifest
// and the compiling of the files all held. Any doubt is an error and no artefact, so a model that was tampered with or never
// signed answers nothing. Which version answers is the newest line of a chained history.
//
// It must never take a key from a bundle, accept a field that it does not know, hand out bytes that it has not verified in
// this process, or change or remove a row that it wrote.
//
// Read in this order: manifest.go, manifest_check.go, artefact.go, modelsign.go, registry.go, stage.go, push.go, list.go, row.go,
// builtin.go.
package registry
