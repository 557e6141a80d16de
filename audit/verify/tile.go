package verify

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// TileWidth is the number of hashes in a full tile and of entries in a full bundle.
const TileWidth = 256

// EntriesLevel stands in place of a tile level for entry bundles.
const EntriesLevel = -1

// TilePath returns the relative path of a tile, or of a bundle when level is EntriesLevel. Width TileWidth names the
// full one.
//
// SPEC(C2SP tlog-tiles, Merkle Tree): tile/<L>/<N>[.p/<W>], N in zero-padded groups of three digits, all but the last
// beginning with x.
func TilePath(level int, n int64, width int) string {
	name := "entries"
	if level != EntriesLevel {
		name = strconv.Itoa(level)
	}
	path := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	path = "tile/" + name + "/" + path
	if width != TileWidth {
		path += ".p/" + strconv.Itoa(width)
	}
	return path
}

// ParseTilePath is the inverse of TilePath and refuses every other spelling.
func ParseTilePath(path string) (level int, n int64, width int, err error) {
	bad := errors.New("verify: not the path of a tile or bundle")
	rest, ok := strings.CutPrefix(path, "tile/")
	name, rest, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 || len(path) > 100 {
		return 0, 0, 0, bad
	}
	level = EntriesLevel
	if name != "entries" {
		if level, err = strconv.Atoi(name); err != nil || level < 0 || level > 63 {
			return 0, 0, 0, bad
		}
	}
	width = TileWidth
	if number, w, partial := strings.Cut(rest, ".p/"); partial {
		rest = number
		if width, err = strconv.Atoi(w); err != nil || width < 1 || width >= TileWidth {
			return 0, 0, 0, bad
		}
	}
	for _, part := range strings.Split(rest, "/") {
		v, err := strconv.ParseUint(strings.TrimPrefix(part, "x"), 10, 16)
		if err != nil || v > 999 || n > 1<<50 {
			return 0, 0, 0, bad
		}
		n = n*1000 + int64(v)
	}
	if TilePath(level, n, width) != path {
		return 0, 0, 0, bad
	}
	return level, n, width, nil
}

// TileCount returns the number of full tiles at a level of a tree of the given size, and the width of the partial tile
// behind them (0: there is none).
//
// SPEC(C2SP tlog-tiles, Partial Tiles): the partial tile at level l of a tree of size s has floor(s/256^l) mod 256 hashes.
func TileCount(size int64, level int) (full int64, partial int) {
	if level == EntriesLevel {
		level = 0
	}
	if level >= 8 {
		return 0, 0
	}
	n := size >> (8 * level)
	return n / TileWidth, int(n % TileWidth)
}

// TileRoot returns the hash over the hashes of a full tile.
func TileRoot(tile []byte) Hash {
	var level [TileWidth]Hash
	n := len(tile) / 32
	for i := range n {
		level[i] = Hash(tile[32*i:])
	}
	for ; n > 1; n /= 2 {
		for i := range n / 2 {
			level[i] = NodeHash(level[2*i], level[2*i+1])
		}
	}
	return level[0]
}

// AppendEntry appends one entry to a bundle.
//
// SPEC(C2SP tlog-tiles, Log entries): a bundle is a sequence of entries with a big-endian uint16 length before each.
func AppendEntry(bundle, entry []byte) []byte {
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(entry)))
	return append(bundle, entry...)
}

// NextEntry cuts the first entry off a bundle.
func NextEntry(bundle []byte) (entry, rest []byte, err error) {
	if len(bundle) < 2 {
		return nil, nil, errors.New("verify: bundle ends inside a length")
	}
	n := int(binary.BigEndian.Uint16(bundle))
	if len(bundle) < 2+n {
		return nil, nil, errors.New("verify: bundle ends inside an entry")
	}
	return bundle[2 : 2+n], bundle[2+n:], nil
}
