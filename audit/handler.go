package audit

import (
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ward-health/ward/audit/verify"
)

// Handler serves the log's public read side, GET checkpoint and GET tile/..., below any prefix that ends in /log/ or at
// the root. It reads only files whose path is that of a checkpoint, tile or bundle in its one spelling.
//
// SPEC(C2SP tlog-tiles, APIs): checkpoint as text that is not cached, tiles and bundles as octet streams that never change.
func (l *Log) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(r.URL.Path, "/")
		name = strings.TrimPrefix(name, "log/")
		var content []byte
		var err error
		if name == checkpointName {
			content, err = readFile(l.disk, filepath.Join(l.c.Dir, checkpointName), verify.MaxCheckpoint)
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Cache-Control", "no-cache")
		} else {
			content, err = l.tile(name)
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		if err != nil {
			w.Header().Del("Cache-Control")
			status := http.StatusInternalServerError
			if errors.Is(err, fs.ErrNotExist) {
				status = http.StatusNotFound
			}
			http.Error(w, http.StatusText(status), status)
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		if r.Method == http.MethodGet {
			w.Write(content) // the client may be gone; nothing is to be done about it
		}
	})
}

// tile reads what is under the newest checkpoint only, so that nothing unsigned gets out.
func (l *Log) tile(name string) ([]byte, error) {
	level, n, width, err := verify.ParseTilePath(name)
	if err != nil {
		return nil, fs.ErrNotExist
	}
	full, partial := verify.TileCount(l.Size(), level)
	if n > full || n == full && width > partial {
		return nil, fs.ErrNotExist
	}
	return readTile(l.disk, l.c.Dir, level, n, width)
}
