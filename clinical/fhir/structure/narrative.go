package structure

// Narrative checks the div of a narrative as invariants txt-1 and txt-2 of FHIR R4 ask: one well-formed div in the XHTML namespace, of the basic formatting
// elements and attributes only, with text or an image. It returns what was expected, "" if all is well; nothing of the text is in it.
func Narrative(div []byte) (problem string) {
	problem, _ = xhtml(div)
	return problem
}
