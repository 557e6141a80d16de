"""Runs a ViewDefinition over the resources of an NDJSON file with the Python package sqlonfhir, again and again; prints how many rows a second of
this process's processor time yields, reading the JSON included, and writes the rows of one pass as NDJSON.

view.py VIEW.json RESOURCES.ndjson ROWS.ndjson SECONDS
"""
import json
import resource
import sys

from sqlonfhir import evaluate

with open(sys.argv[1]) as f:
    view = json.load(f)
with open(sys.argv[2]) as f:
    lines = f.readlines()


def spent():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime


rows = evaluate([json.loads(line) for line in lines], view)
with open(sys.argv[3], "w") as f:
    for row in rows:
        f.write(json.dumps(row, default=str) + "\n")
done, start, i = 0, spent(), 0
while spent() - start < float(sys.argv[4]):
    part = lines[i : i + 50]
    i = i + 50 if i + 50 < len(lines) else 0
    done += len(evaluate([json.loads(line) for line in part], view))
print(done / (spent() - start))
