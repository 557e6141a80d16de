package store

import (
	"context"
	"fmt"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
)

// seriesChunk is how many series are read at once; each may have 64 KiB.
const seriesChunk = 200

// series opens every series and has its body read. There is no entry, as there is none where they are used.
func (c *checker) series(ctx context.Context) error {
	var after []byte
	for {
		page, err := c.seriesPage(ctx, after)
		if err != nil || len(page) == 0 {
			return err
		}
		after = append([]byte{}, page[len(page)-1].name16...) // not nil, however short it was made
		if err := c.openSeries(ctx, page); err != nil {
			return err
		}
	}
}

// seriesPage reads the series after a key, the first ones for nil.
func (c *checker) seriesPage(ctx context.Context, after []byte) (page []sealedSeries, err error) {
	var q query
	q.add("SELECT name16, ver, body FROM series WHERE tn = ", q.arg(c.tn()))
	if after != nil {
		q.add(" AND name16 > ", q.arg(after))
	}
	q.add(" ORDER BY name16 LIMIT ", q.arg(int64(seriesChunk)))
	err = c.read(ctx, q.String(), q.args, func(s scanner) error {
		var r sealedSeries
		err := s.Scan(&r.name16, &r.ver, &r.body)
		page = append(page, r)
		return err
	})
	return page, err
}

func (c *checker) openSeries(ctx context.Context, page []sealedSeries) error {
	p, err := c.decide(ctx)
	if err != nil {
		return err
	}
	if err := p.Allows(access.StoreCheck, ""); err != nil || p.Tenant() != c.n.tn {
		return ward.E(ward.Denied, "store.check", "the permits of one check must be of one tenant", err)
	}
	for _, r := range page {
		x, err := c.s.openSeries(ctx, c.n, r)
		if err != nil && (ward.KindOf(err) == ward.Unavailable || ctx.Err() != nil) {
			return err
		}
		if what := c.judgeSeries(r, x, err); what != "" {
			c.fault("series", fmt.Sprintf("series %x", r.name16), what)
		}
	}
	c.report.Series += int64(len(page))
	c.progressed(len(page))
	return nil
}

// judgeSeries says what is wrong with a series that opened to x, or with err; "" for nothing.
func (c *checker) judgeSeries(r sealedSeries, x Series, err error) string {
	switch {
	case err != nil:
		return why(err)
	case !sameMAC(r.name16, c.n.seriesKey(x.Name)):
		return "the keyed digest of its name does not fit"
	case c.readSeries == nil:
		return ""
	}
	if err := c.readSeries(x); err != nil {
		return why(err)
	}
	return ""
}
