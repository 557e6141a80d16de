"""Prints what pyarrow reads of DIR/0.parquet to DIR/(N-1).parquet, one JSON document a file: types and rows."""
import datetime
import decimal
import json
import math
import struct
import sys

import pyarrow.parquet as pq

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def shown(v):
    if v is None or isinstance(v, (bool, str)):
        return v
    if isinstance(v, list):
        return [shown(x) for x in v]
    if isinstance(v, bytes):
        return v.hex()
    if isinstance(v, float):
        return "%016x" % struct.unpack("<Q", struct.pack("<d", v))[0]
    if isinstance(v, decimal.Decimal):
        return str(int(v.scaleb(3)))
    if isinstance(v, datetime.datetime):
        return str((v - EPOCH) // datetime.timedelta(microseconds=1))
    if isinstance(v, datetime.date):
        return str((v - EPOCH.date()).days)
    return str(v)


def bounds(f):
    """The bounds of the statistics hold for what is in each group, and the nulls are counted."""
    for g in range(f.metadata.num_row_groups):
        table = f.read_row_group(g)
        for c in range(f.metadata.num_columns):
            s = f.metadata.row_group(g).column(c).statistics
            column = table.column(c).to_pylist()
            flat = [x for v in column for x in (v or [None] if isinstance(v, list) else [v])]
            assert s.null_count == sum(x is None for x in flat), "nulls"
            if s.has_min_max and not isinstance(s.min, bytes):
                there = [x for x in flat if x is not None]
                assert min(there) == s.min and max(there) == s.max, "bounds"


for n in range(int(sys.argv[2])):
    f = pq.ParquetFile("%s/%d.parquet" % (sys.argv[1], n), page_checksum_verification=True)
    table = f.read()
    bounds(f)
    rows = [[shown(v) for v in row] for row in zip(*(c.to_pylist() for c in table.columns))]
    print(json.dumps({"types": [str(field.type) for field in table.schema], "rows": rows}))
