package ward_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/ward-health/ward"

// row is one line of the code map in ARCHITECTURE.md.
type row struct {
	floor   string
	folder  string
	imports []string // folders of Ward, or "any"
	outside []string // module path prefixes, or "any"
}

// source is one Go file of this module.
type source struct {
	file   string
	folder string // "." for the root
	test   bool
	lines  int
	ast    *ast.File
}

func codeMap(t *testing.T) []row {
	t.Helper()
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(text), "<!-- code map -->")
	if !ok {
		t.Fatal("ARCHITECTURE.md has no <!-- code map --> mark")
	}
	body, _, _ := strings.Cut(after, "<!-- end -->")
	var rows []row
	for _, line := range strings.Split(body, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 7 || strings.Contains(cells[1], "---") || strings.TrimSpace(cells[1]) == "floor" {
			continue
		}
		cell := func(i int) string { return strings.TrimSpace(strings.ReplaceAll(cells[i], "`", "")) }
		rows = append(rows, row{floor: cell(1), folder: cell(2), imports: strings.Fields(cell(4)), outside: strings.Fields(cell(5))})
	}
	if len(rows) < 10 {
		t.Fatalf("the code map has only %d rows", len(rows))
	}
	return rows
}

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			own := p != "." && exists(filepath.Join(p, "go.mod"))
			if own || strings.HasPrefix(d.Name(), ".") && p != "." || d.Name() == "testdata" || d.Name() == "ward-data" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, text, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, source{file: p, folder: filepath.ToSlash(filepath.Dir(p)), test: strings.HasSuffix(p, "_test.go"),
			lines: strings.Count(string(text), "\n"), ast: f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func exists(p string) bool { _, err := os.Stat(p); return err == nil }

// under reports whether folder is top or lies below it.
func under(folder, top string) bool { return folder == top || strings.HasPrefix(folder, top+"/") }

// rowOf returns the row with the longest folder that holds the given one.
func rowOf(rows []row, folder string) (row, bool) {
	best, found := row{}, false
	for _, r := range rows {
		name := r.folder
		if name == "ward" {
			name = "."
		}
		if (folder == name || name != "." && under(folder, name)) && (!found || len(r.folder) > len(best.folder)) {
			best, found = r, true
		}
	}
	return best, found
}

// TestImportsObeyTheCodeMap holds I5: floors, stages that never import stages, outside modules per floor, tests included.
func TestImportsObeyTheCodeMap(t *testing.T) {
	rows := codeMap(t)
	for _, s := range sources(t) {
		r, ok := rowOf(rows, s.folder)
		if !ok {
			t.Errorf("%s: folder %s has no row in the code map", s.file, s.folder)
			continue
		}
		for _, imp := range s.ast.Imports {
			target := strings.Trim(imp.Path.Value, `"`)
			if inner, own := strings.CutPrefix(target, module); own {
				folder := strings.TrimPrefix(inner, "/")
				if folder == "" {
					folder = "."
				}
				if !mayImport(rows, r, s, folder) {
					t.Errorf("%s imports %s: row %q allows %v", s.file, target, r.folder, r.imports)
				}
			} else if strings.Contains(strings.SplitN(target, "/", 2)[0], ".") && !mayUse(r, s, target) {
				t.Errorf("%s uses %s: row %q allows %v", s.file, target, r.folder, r.outside)
			}
		}
	}
}

func mayImport(rows []row, r row, s source, folder string) bool {
	if folder == "." || slices.Contains(r.imports, "any") || under(folder, r.folder) {
		return r.floor != "0" || folder != "." || r.folder != "ward" || s.test
	}
	target, ok := rowOf(rows, folder)
	if !ok {
		return false
	}
	return slices.ContainsFunc(r.imports, func(allowed string) bool {
		return allowed == target.folder || under(folder, allowed) && len(allowed) >= len(target.folder)
	})
}

// testModules may be used by tests of every floor.
var testModules = []string{"github.com/google/go-cmp", "pgregory.net/rapid", "github.com/rogpeppe/go-internal", "go.uber.org/goleak", "golang.org/x/mod/sumdb", "github.com/chromedp"}

func mayUse(r row, s source, target string) bool {
	has := func(list []string) bool {
		return slices.ContainsFunc(list, func(m string) bool { return m == "any" || under(target, m) })
	}
	return has(r.outside) || (s.test || strings.HasSuffix(s.folder, "test")) && has(testModules)
}

// TestPackagesAreDocumented: exactly one package comment, at most 25 lines, and no file over 600 lines.
func TestPackagesAreDocumented(t *testing.T) {
	docs, seen := map[string]int{}, map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		seen[s.folder] = true
		if s.lines > 600 {
			t.Errorf("%s has %d lines; the bound is 600", s.file, s.lines)
		}
		if s.ast.Doc != nil {
			docs[s.folder]++
			if n := strings.Count(s.ast.Doc.Text(), "\n"); n > 25 {
				t.Errorf("%s: the package comment has %d lines; the bound is 25", s.file, n)
			}
		}
	}
	for folder := range seen {
		if docs[folder] != 1 {
			t.Errorf("folder %s has %d package comments, want 1", folder, docs[folder])
		}
	}
}

// TestInvariantsNameTheirTests: every invariant of ARCHITECTURE.md names tests that exist, or the capability that brings it.
func TestInvariantsNameTheirTests(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	funcs := map[string]bool{}
	for _, s := range sources(t) {
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test {
				funcs[s.folder+"."+f.Name.Name] = true
			}
		}
	}
	name := regexp.MustCompile("`([a-z/.-]+)\\.(Test[A-Za-z0-9]+|Fuzz[A-Za-z0-9]+)`")
	for i := 1; i <= 12; i++ {
		start := strings.Index(string(text), fmt.Sprintf("| **I%d** |", i))
		if start < 0 {
			t.Errorf("ARCHITECTURE.md has no row for I%d", i)
			continue
		}
		line, _, _ := strings.Cut(string(text)[start:], "\n")
		found := name.FindAllStringSubmatch(line, -1)
		if len(found) == 0 && !strings.Contains(line, "comes with") {
			t.Errorf("I%d names neither a test nor the capability it comes with", i)
		}
		for _, f := range found {
			folder := strings.TrimSuffix(f[1], "/")
			if folder == "ward" {
				folder = "."
			}
			if !funcs[folder+"."+f[2]] {
				t.Errorf("I%d names %s.%s, which is not there", i, f[1], f[2])
			}
		}
	}
}

// TestDocumentsLinkToWhatExists resolves every relative link of every Markdown file.
func TestDocumentsLinkToWhatExists(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".md") {
			if d != nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") && p != "." {
				return fs.SkipDir
			}
			return err
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if !exists(filepath.FromSlash(path.Join(filepath.ToSlash(filepath.Dir(p)), m[1]))) {
				t.Errorf("%s links to %s, which is not there", p, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFeatureTableIsWhole: docs/features.md has one line for every capability, with a state from the closed set.
func TestFeatureTableIsWhole(t *testing.T) {
	text, err := os.ReadFile("docs/features.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, area := range []struct {
		letter string
		n      int
	}{{"A", 11}, {"B", 6}, {"C", 8}, {"D", 10}, {"E", 16}, {"F", 9}, {"G", 7}, {"H", 9}, {"I", 6}, {"J", 4}} {
		for i := 1; i <= area.n; i++ {
			id := fmt.Sprintf("%s%d", area.letter, i)
			lines := regexp.MustCompile(`(?m)^\| `+id+` \|.*$`).FindAllString(string(text), -1)
			if len(lines) != 1 {
				t.Errorf("docs/features.md has %d lines for %s, want 1", len(lines), id)
				continue
			}
			state := strings.TrimSpace(strings.Split(lines[0], "|")[3])
			if !slices.Contains([]string{"done", "thin", "absent"}, state) {
				t.Errorf("%s has state %q, want done, thin or absent", id, state)
			}
		}
	}
}
