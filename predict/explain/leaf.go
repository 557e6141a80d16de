package explain

// part is one distinct feature on the path to a leaf: the proportion of training rows that its edges let through.
type part struct {
	feature int32
	share   float64
}

// leaf is the game of one leaf: value times the product over its parts, where a part inside the coalition counts 1 if the
// row satisfies every edge of that feature and 0 if not, and one outside counts its share.
type leaf struct {
	value float64
	parts []part // in the order in which the features first stand on the path
}

// mean is the value of the empty coalition.
func (l leaf) mean() float64 {
	m := l.value
	for _, p := range l.parts {
		m = weighted(m, p.share)
	}
	return m
}

// shapley sets phi to the Shapley values of the leaf's parts for a row that satisfies those whose bits stand in mask.
//
// With d parts the weight |S|!(d-|S|-1)!/d! of a coalition is the integral over t in [0, 1] of t^|S| (1-t)^(d-1-|S|), so
//
//	phi_i = value (o_i - z_i) integral of prod over j other than i of (z_j (1-t) + o_j t) dt,
//
// where z is the share and o is 1 if satisfied. The integrand is a polynomial of degree d-1, which a rule of d/2
// points, rounded up, integrates exactly, and every term is positive, so nothing cancels. Where a part has z = 0 and o = 0 the game is
// zero for every coalition.
func (l leaf) shapley(phi []float64, mask uint64, rules []rule) {
	clear(phi)
	for j, p := range l.parts {
		if p.share == 0 && mask>>j&1 == 0 {
			return
		}
	}
	r := rules[(len(l.parts)+1)/2]
	for k := range r.at {
		t, product := r.at[k], r.weight[k]
		for j, p := range l.parts {
			product = weighted(product, factor(p.share, t, mask>>j&1))
		}
		for j, p := range l.parts {
			phi[j] += product / factor(p.share, t, mask>>j&1)
		}
	}
	for j, p := range l.parts {
		phi[j] = weighted(weighted(l.value, float64(mask>>j&1)-p.share), phi[j])
	}
}

func factor(share, t float64, satisfied uint64) float64 {
	return weighted(share, 1-t) + weighted(t, float64(satisfied))
}
