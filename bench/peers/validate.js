// Validates the lines of an NDJSON file with the npm package fhir, again and again, and prints how many a second of this process's
// processor time yields, how many that were, and how many of them have an error.
//
// node validate.js FILE SECONDS
const fs = require('fs');
const { Fhir } = require('fhir');

const lines = fs.readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean);
const seconds = Number(process.argv[3]);
const fhir = new Fhir();

const spent = (from) => {
  const used = process.cpuUsage(from);
  return (used.user + used.system) / 1e6;
};

function run(least) {
  const from = process.cpuUsage();
  let done = 0;
  let wrong = 0;
  for (;;) {
    for (const line of lines) {
      const said = fhir.validate(JSON.parse(line), { errorOnUnexpected: true });
      if (!said.valid) wrong++;
      done++;
      if (done % 50 === 0 && spent(from) >= least) return [done / spent(from), done, wrong];
    }
  }
}

run(seconds); // warming up
console.log(run(seconds).join(' '));
