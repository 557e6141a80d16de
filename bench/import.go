package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ward-health/ward/clinical/simulate"
)

const (
	importPatients = 1500
	importClients  = 16
)

// importBundles posts transactions of about 20 resources, one a patient, through the HTTP port of the built binary.
func importBundles(ctx context.Context, dir string) error {
	bin, err := buildWard(ctx, dir)
	if err != nil {
		return err
	}
	n, err := startNode(ctx, bin, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	defer n.stop()
	token, err := n.feedToken(ctx)
	if err != nil {
		return err
	}
	hospital := simulate.New(1, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)).Hospital(importPatients)
	bundles := hospital.Bundles()
	if err := n.post(ctx, token, bundles[0]); err != nil {
		return err
	}
	before, err := n.cpu()
	if err != nil {
		return err
	}
	start := time.Now()
	if err := n.postAll(ctx, token, bundles[1:]); err != nil {
		return err
	}
	figure("store.import", float64(hospital.Count())/time.Since(start).Seconds(), "resources/s")
	after, err := n.cpu()
	if err != nil {
		return err
	}
	figure("store.import.processor", float64((after-before).Microseconds())/float64(hospital.Count()), "us/resource")
	rss, err := n.memory()
	if err != nil {
		return err
	}
	figure("memory.import", rss, "MiB")
	return nil
}

// feedToken adds a feed and issues its token (5 minutes).
func (n *node) feedToken(ctx context.Context) (string, error) {
	if err := n.principal(ctx, "feed", "service", "integration"); err != nil {
		return "", err
	}
	return n.token(ctx, "feed")
}

func (n *node) postAll(ctx context.Context, token string, bundles [][]byte) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, importClients)
	for range importClients {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(bundles); i = int(next.Add(1)) - 1 {
				if err := n.post(ctx, token, bundles[i]); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

func (n *node) post(ctx context.Context, token string, bundle []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url+"/fhir/R4", bytes.NewReader(bundle))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/fhir+json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("transaction: %s: %.300s", resp.Status, text)
	}
	return err
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: importClients}}
