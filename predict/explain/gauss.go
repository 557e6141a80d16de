package explain

// rule is a Gauss-Legendre rule on [0, 1]: its points and their weights.
type rule struct{ at, weight []float64 }

// rules returns the rules of 0 to n points. The roots of each Legendre polynomial lie between those of the one before, so
// bisection finds them with nothing but additions and multiplications, each rounded in the same way everywhere.
func rules(n int) []rule {
	all := make([]rule, n+1)
	inner := []float64{} // roots of the polynomial before, on [-1, 1]
	for k := 1; k <= n; k++ {
		bounds := append(append([]float64{-1}, inner...), 1)
		roots := make([]float64, k)
		for i := range roots {
			roots[i] = root(k, bounds[i], bounds[i+1])
			p, before := legendre(k, roots[i])
			slope := weighted(float64(k), before-weighted(roots[i], p)) / (1 - weighted(roots[i], roots[i]))
			all[k].at = append(all[k].at, 0.5+weighted(0.5, roots[i]))
			all[k].weight = append(all[k].weight, 1/weighted(1-weighted(roots[i], roots[i]), weighted(slope, slope)))
		}
		inner = roots
	}
	return all
}

// root bisects the one root of the Legendre polynomial of degree k in (low, high).
func root(k int, low, high float64) float64 {
	first, _ := legendre(k, low)
	for range 64 {
		middle := low + weighted(0.5, high-low)
		p, _ := legendre(k, middle)
		if (p < 0) == (first < 0) {
			low = middle
		} else {
			high = middle
		}
	}
	return low + weighted(0.5, high-low)
}

// legendre returns the Legendre polynomials of degree k and k-1 at x.
func legendre(k int, x float64) (p, before float64) {
	p, before = x, 1
	for i := 2; i <= k; i++ {
		p, before = (weighted(float64(2*i-1), weighted(x, p))-weighted(float64(i-1), before))/float64(i), p
	}
	return p, before
}
