// Package registry keeps model artefacts: content-addressed, signed, append-only.
//
// An artefact is a manifest; its digest is the SHA-256 of the manifest's bytes, and a sigstore bundle in the OpenSSF
// model-signing form signs that digest. A Verified artefact is made here only, after the row's keyed digest, the content
// digest, the signature under a key that the tenant trusts and the strict reading of the manifest all held. Any doubt is
// an error and no artefact, so a model that was tampered with or never signed answers nothing.
//
// It must never take a key from a bundle, accept a field that it does not know, hand out bytes that it has not verified in
// this process, or change or remove a row that it wrote.
//
// Read in this order: manifest.go, modelsign.go, registry.go, push.go, row.go, builtin.go.
package registry
