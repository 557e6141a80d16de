// Evaluates FHIRPath expressions, compiled once, on one resource with the npm package fhirpath and prints for each how many evaluations
// a second of this process's processor time yields, and its result.
//
// node fhirpath.js RESOURCE.json SECONDS EXPRESSION...
const fs = require('fs');
const fhirpath = require('fhirpath');
const model = require('fhirpath/fhir-context/r4');

const resource = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const seconds = Number(process.argv[3]);

const spent = (from) => {
  const used = process.cpuUsage(from);
  return (used.user + used.system) / 1e6;
};

function run(compiled, least) {
  const from = process.cpuUsage();
  let done = 0;
  for (;;) {
    for (let i = 0; i < 100; i++) compiled(resource);
    done += 100;
    if (spent(from) >= least) return done / spent(from);
  }
}

for (const text of process.argv.slice(4)) {
  const compiled = fhirpath.compile(text, model);
  run(compiled, seconds / 2); // warming up
  console.log(JSON.stringify({ rate: run(compiled, seconds), result: compiled(resource) }));
}
