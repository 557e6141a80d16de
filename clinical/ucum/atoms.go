package ucum

import (
	"math/big"
	"strings"

	"github.com/ward-health/ward"
)

// prefixes are the decimal prefixes of the SI (BIPM brochure, table 7) by their case-sensitive symbols, as powers of ten.
var prefixes = map[string]int{
	"Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
	"d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}

// atom is one unit symbol: its size as an expression over symbols that stand before it, or a base dimension.
type atom struct {
	symbol string
	metric bool   // takes prefixes
	size   string // decimal number, empty: 1
	of     string // unit expression, empty: the base dimension dim
	dim    base
}

// circle is the ratio of circumference to diameter to 64 places: angles are irrational in any other unit than a turn.
const circle = "3.1415926535897932384626433832795028841971693993751058209749445923"

// atoms, each after those it is made of. Sizes are definitions of the SI (BIPM brochure, 9th edition: base units, table 4
// of derived units, table 8 of accepted units), of the calendar as UCUM fixes it (a = 365.25 d, mo = a/12), and of the
// international yard and pound (1959: 0.9144 m, 0.45359237 kg).
var atoms = []atom{
	{symbol: "m", metric: true, dim: length},
	{symbol: "s", metric: true, dim: duration},
	{symbol: "g", metric: true, dim: mass},
	{symbol: "rad", metric: true, dim: angle},
	{symbol: "K", metric: true, dim: temperature},
	{symbol: "C", metric: true, dim: charge},
	{symbol: "cd", metric: true, dim: luminosity},
	{symbol: "mol", metric: true, dim: substance},
	{symbol: "eq", metric: true, dim: equivalent},
	{symbol: "osm", metric: true, dim: osmole},

	{symbol: "10*", size: "10", of: "1"},
	{symbol: "10^", size: "10", of: "1"},
	{symbol: "%", size: "0.01", of: "1"},
	{symbol: "[ppth]", size: "0.001", of: "1"},
	{symbol: "[ppm]", size: "0.000001", of: "1"},
	{symbol: "[ppb]", size: "0.000000001", of: "1"},
	{symbol: "[pptr]", size: "0.000000000001", of: "1"},
	{symbol: "[pi]", size: circle, of: "1"},

	{symbol: "min", size: "60", of: "s"},
	{symbol: "h", size: "60", of: "min"},
	{symbol: "d", size: "24", of: "h"},
	{symbol: "wk", size: "7", of: "d"},
	{symbol: "a", size: "365.25", of: "d"},
	{symbol: "mo", size: "30.4375", of: "d"},

	{symbol: "l", metric: true, of: "dm3"},
	{symbol: "L", metric: true, of: "dm3"},
	{symbol: "t", metric: true, size: "1000", of: "kg"},
	{symbol: "Hz", metric: true, of: "s-1"},
	{symbol: "N", metric: true, of: "kg.m/s2"},
	{symbol: "dyn", metric: true, size: "0.00001", of: "N"},
	{symbol: "Pa", metric: true, of: "N/m2"},
	{symbol: "bar", metric: true, size: "100000", of: "Pa"},
	{symbol: "m[Hg]", metric: true, size: "133.322", of: "kPa"},
	{symbol: "m[H2O]", metric: true, size: "9.80665", of: "kPa"},
	{symbol: "J", metric: true, of: "N.m"},
	{symbol: "cal", metric: true, size: "4.184", of: "J"},
	{symbol: "W", metric: true, of: "J/s"},
	{symbol: "A", metric: true, of: "C/s"},
	{symbol: "V", metric: true, of: "J/C"},
	{symbol: "F", metric: true, of: "C/V"},
	{symbol: "Ohm", metric: true, of: "V/A"},
	{symbol: "S", metric: true, of: "Ohm-1"},
	{symbol: "Wb", metric: true, of: "V.s"},
	{symbol: "T", metric: true, of: "Wb/m2"},
	{symbol: "H", metric: true, of: "Wb/A"},
	{symbol: "sr", metric: true, of: "rad2"},
	{symbol: "lm", metric: true, of: "cd.sr"},
	{symbol: "lx", metric: true, of: "lm/m2"},
	{symbol: "Bq", metric: true, of: "s-1"},
	{symbol: "Gy", metric: true, of: "J/kg"},
	{symbol: "Sv", metric: true, of: "J/kg"},
	{symbol: "REM", metric: true, size: "0.01", of: "Sv"},
	{symbol: "eV", metric: true, size: "0.0000000000000000001602176634", of: "J"},
	{symbol: "deg", of: "[pi].rad/180"},
	{symbol: "kat", metric: true, of: "mol/s"},
	{symbol: "U", metric: true, of: "umol/min"},

	{symbol: "[in_i]", size: "2.54", of: "cm"},
	{symbol: "[ft_i]", size: "12", of: "[in_i]"},
	{symbol: "[yd_i]", size: "3", of: "[ft_i]"},
	{symbol: "[sin_i]", of: "[in_i]2"},
	{symbol: "[sft_i]", of: "[ft_i]2"},
	{symbol: "[syd_i]", of: "[yd_i]2"},
	{symbol: "[lb_av]", size: "453.59237", of: "g"},
	{symbol: "[oz_av]", of: "[lb_av]/16"},
	{symbol: "[gal_us]", size: "231", of: "[in_i]3"},
	{symbol: "[foz_us]", of: "[gal_us]/128"},
	{symbol: "[cup_us]", of: "[gal_us]/16"},
	{symbol: "[tbs_us]", of: "[cup_us]/16"},
	{symbol: "[tsp_us]", of: "[tbs_us]/3"},
	{symbol: "[in_i'Hg]", size: "25.4", of: "mm[Hg]"},

	// Arbitrary units: what one of them is depends on the assay, so each is commensurable with itself only.
	{symbol: "[IU]", metric: true, dim: international},
	{symbol: "[iU]", metric: true, of: "[IU]"},
	{symbol: "[arb'U]", dim: arbitrary},
	{symbol: "[GPL'U]", dim: gpl},
	{symbol: "[MPL'U]", dim: mpl},
	{symbol: "[APL'U]", dim: apl},
	{symbol: "[HPF]", dim: highField},
	{symbol: "[LPF]", dim: lowField},
	{symbol: "[drp]", dim: drop},
	{symbol: "[CFU]", dim: colony},
	{symbol: "[PFU]", dim: plaque},
}

// specials are on scales with an offset or a logarithm; the value says whether prefixes are allowed.
var specials = map[string]bool{"Cel": true, "[degF]": false, "[degRe]": false, "pH": false, "B": true, "Np": true,
	"[pH]": false, "[p'diop]": false, "%[slope]": false}

type entry struct {
	unit   Unit
	metric bool
}

// table is built from atoms once; a mistake in atoms is found by the first test that runs.
var table = build()

func build() map[string]entry {
	m := make(map[string]entry, len(atoms))
	for _, a := range atoms {
		u := one()
		if a.of == "" {
			u.dim[a.dim] = 1
		} else if a.of != "1" {
			p := parser{in: a.of, known: m}
			var err error
			if u, err = p.main(); err != nil {
				panic("ucum: atom " + a.symbol + ": " + err.Error())
			}
		}
		if a.size != "" {
			r, ok := new(big.Rat).SetString(a.size)
			if !ok {
				panic("ucum: atom " + a.symbol + ": size")
			}
			u.factor = r.Mul(r, u.factor)
		}
		m[a.symbol] = entry{u, a.metric}
	}
	return m
}

// lookup finds an atom as it stands, else a prefix before a metric atom.
//
// SPEC(UCUM 2.4 #11): a prefix stands directly before a metric unit atom; non-metric atoms take none, and one prefix only.
func lookup(known map[string]entry, symbol string) (Unit, error) {
	if u, _, ok := plain(known, symbol); ok {
		return u, nil
	}
	for n := 1; n <= 2 && n < len(symbol); n++ {
		power, ok := prefixes[symbol[:n]]
		if !ok {
			continue
		}
		if u, metric, ok := plain(known, symbol[n:]); ok && metric {
			if u.factor == nil {
				u.special = symbol
				return u, nil
			}
			return u.over(ten(power), false)
		}
	}
	return Unit{}, ward.E(ward.Unsupported, "ucum.parse", "a unit has an atom that is not one of those supported", nil)
}

// plain finds an atom without prefix. The Unit shares its factor with the table; callers never change factors in place.
func plain(known map[string]entry, symbol string) (Unit, bool, bool) {
	if e, ok := known[symbol]; ok {
		return e.unit, e.metric, true
	}
	metric, ok := specials[symbol]
	if !ok && strings.HasPrefix(symbol, "B[") {
		metric, ok = true, decibels[symbol]
	}
	return Unit{special: symbol}, metric, ok
}

// decibels are the level units with a named reference.
var decibels = map[string]bool{"B[SPL]": true, "B[V]": true, "B[mV]": true, "B[uV]": true, "B[10.nV]": true, "B[W]": true, "B[kW]": true}

func ten(power int) Unit {
	u := one()
	n := power
	if n < 0 {
		n = -n
	}
	u.factor.SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil))
	if power < 0 {
		u.factor.Inv(u.factor)
	}
	return u
}
