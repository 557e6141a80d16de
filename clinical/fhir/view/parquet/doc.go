// Package parquet writes Apache Parquet files (format version 1) with the standard library alone: typed columns that may
// be null, lists of one level, dictionaries for repeated texts, gzip, and statistics. Memory is bounded by the row group: pages are
// compressed as they fill, and a group that is full is written out.
//
// The source is the Apache Parquet format specification: parquet.thrift for the metadata in Thrift's compact protocol,
// Encodings.md for PLAIN, RLE and dictionaries, LogicalTypes.md for lists, texts, dates, instants and decimals.
package parquet
