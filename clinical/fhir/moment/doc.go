// Package moment reads the dates and times of FHIR R4: what their forms are, and which interval of time a date of any precision
// stands for.
package moment
