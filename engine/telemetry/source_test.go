package telemetry

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// logCalls gives the position of the message in each method of slog.Logger.
var logCalls = map[string]int{"Debug": 0, "Info": 0, "Warn": 0, "Error": 0, "DebugContext": 1, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1,
	"Log": 2, "LogAttrs": 2}

var attrCalls = map[string]bool{"String": true, "Int": true, "Int64": true, "Uint64": true, "Float64": true, "Bool": true, "Time": true, "Duration": true,
	"Any": true, "Group": true}

// TestMessagesAreConstant reads every Go file of the product that uses slog: a message must be a literal that the handler
// lets through, and a key must be on the list, so that nothing is dropped (or tried) by mistake.
func TestMessagesAreConstant(t *testing.T) {
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	calls := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		if !imports(file, "log/slog") {
			return nil
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			where := set.Position(call.Pos()).String()
			if name(sel.X) == "slog" && attrCalls[sel.Sel.Name] && len(call.Args) > 0 {
				if key, ok := literal(call.Args[0]); ok && !known(key) && filepath.Base(filepath.Dir(path)) != "telemetry" {
					t.Errorf("%s: the key %q is not on the list of telemetry/allow.go", where, key)
				}
				return true
			}
			at, is := logCalls[sel.Sel.Name]
			if !is || len(call.Args) <= at || !strings.Contains(strings.ToLower(name(sel.X)), "log") {
				return true
			}
			calls++
			text, ok := literal(call.Args[at])
			if !ok && !(filepath.Base(filepath.Dir(path)) == "telemetry") {
				t.Errorf("%s: the message of a log line must be a literal", where)
			} else if ok && message(text) == dropped {
				t.Errorf("%s: the message %q would be dropped: only lower-case words", where, text)
			}
			if sel.Sel.Name != "LogAttrs" {
				for i := at + 1; i < len(call.Args); i += 2 {
					key, ok := literal(call.Args[i])
					if !ok { // an attribute takes one place
						i--
					} else if !known(key) {
						t.Errorf("%s: the key %q is not on the list of telemetry/allow.go", where, key)
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls < 2 {
		t.Errorf("%d log calls were found: this test looks in the wrong place", calls)
	}
}

func known(key string) bool { return allowed[key] != 0 || groups[key] }

func imports(f *ast.File, path string) bool {
	for _, i := range f.Imports {
		if i.Path.Value == strconv.Quote(path) {
			return true
		}
	}
	return false
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

// name is the last identifier of a receiver: log in s.log.
func name(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	case *ast.CallExpr:
		return name(x.Fun)
	}
	return ""
}
