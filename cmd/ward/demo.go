package main

import (
	"github.com/ward-health/ward/cmd/ward/demo"
)

type demoCmd struct {
	Once     bool     `help:"End after the summary instead of staying up."`
	Patients int      `help:"Simulated patients." default:"12" placeholder:"N"`
	Seed     uint64   `help:"Seed of the simulation." default:"1" placeholder:"N"`
	Input    []string `help:"Load these instead: FHIR R4 bundles (.json), NDJSON files, directories of both." placeholder:"PATH" sep:"none"`
	More     []string `arg:"" optional:"" name:"path" help:"Further inputs after --input."`
}

// Help is shown by ward demo --help.
func (demoCmd) Help() string {
	return `Makes a node in a fresh directory, starts it on a free loopback port, and walks the path through its ports: FHIR load, HL7 v2 messages, held facts, cards, recomputation,
reads under two principals, erasure, proof, verification. With --dir the directory (new or empty) is kept, else it is temporary. The last line is a summary; the exit code is 1 if any step failed.`
}

// Run implements the verb.
func (c demoCmd) Run(s *session) error {
	if c.Patients < 2 || c.Patients > 10_000 {
		return misused("--patients must be 2 to 10000")
	}
	if len(c.More) > 0 && len(c.Input) == 0 {
		return misused("name inputs after --input")
	}
	return demo.Run(s.ctx, demo.Options{Once: c.Once, Patients: c.Patients, Seed: c.Seed, Input: append(c.Input, c.More...), Dir: s.named, Out: s.out})
}
