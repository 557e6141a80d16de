// Command ward-verify checks an exported Ward log, or one proof, with nothing but the log's public key. It needs no
// database, no network and no secret, so it can run on an air-gapped machine of someone who does not trust the node.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/ward-health/ward/audit/verify"
)

// Exit codes, as the help says.
const (
	exitOK    = 0
	exitFault = 1
	exitUsage = 2
)

const about = `Checks a Ward audit log offline.

  ward-verify --key log.vkey EXPORT
      EXPORT is a folder written by "ward audit export" (or a copy of the node's log folder):
      checkpoint, tile/... Every entry is hashed again, every tile compared, the signature checked.

  ward-verify --key log.vkey --proof entry.tlog-proof --leaf entry.leaf
      Checks that one entry stands in the log.

The key is one line, name+hash+base64. Get it from the people who run the log by a way of their own (paper, telephone,
a page you already trust): an export brings a copy named key.vkey, but whoever could forge the log could forge that too.

Exit codes: 0 everything verifies, 1 faults were found, 2 wrong use or something cannot be read.`

type options struct {
	Dir   string `arg:"" optional:"" name:"export" help:"Folder with the exported log."`
	Key   string `required:"" help:"Public key of the log: the line itself, or a file that holds it." placeholder:"VKEY|FILE"`
	Proof string `help:"A C2SP tlog-proof to check instead of a whole log." placeholder:"FILE"`
	Leaf  string `help:"The bytes of the entry that the proof is about." placeholder:"FILE"`
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	var o options
	exited := -1
	parser, err := kong.New(&o, kong.Name("ward-verify"), kong.Description(about), kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }))
	if err != nil {
		fmt.Fprintln(stderr, "ward-verify:", err)
		return exitUsage
	}
	_, err = parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err == nil {
		err = o.check()
	}
	if err != nil {
		fmt.Fprintf(stderr, "ward-verify: %v\nTry: ward-verify --help\n", err)
		return exitUsage
	}
	vkey, err := readKey(o.Key)
	if err != nil {
		fmt.Fprintln(stderr, "ward-verify:", err)
		return exitUsage
	}
	if o.Proof != "" {
		return checkProof(o, vkey, stdout, stderr)
	}
	return checkLog(o.Dir, vkey, stdout, stderr)
}

func (o options) check() error {
	switch {
	case o.Proof == "" && o.Leaf == "" && o.Dir == "":
		return fmt.Errorf("name the folder of an exported log, or --proof and --leaf")
	case o.Dir != "" && (o.Proof != "" || o.Leaf != ""):
		return fmt.Errorf("give either a folder or --proof with --leaf, not both")
	case (o.Proof == "") != (o.Leaf == ""):
		return fmt.Errorf("--proof and --leaf belong together")
	}
	return nil
}

// readKey takes the key itself or a file of at most one page that holds it.
func readKey(s string) (string, error) {
	if strings.Count(s, "+") >= 2 && !fileExists(s) {
		return s, nil
	}
	b, err := readBounded(s, 4096)
	if err != nil {
		return "", fmt.Errorf("--key is neither a key (name+hash+base64) nor a readable file: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func readBounded(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is longer than %d bytes", name, limit)
	}
	return b, err
}

func checkLog(dir, vkey string, stdout, stderr io.Writer) int {
	report, err := verify.Log(os.DirFS(dir), vkey)
	if err != nil {
		fmt.Fprintf(stderr, "ward-verify: %s is not an exported log: %v\n", dir, err)
		return exitUsage
	}
	if report.Origin != "" {
		fmt.Fprintf(stdout, "origin  %s\nsize    %d\nroot    %x\nentries %d\n", report.Origin, report.Size, report.Root, report.Entries)
	}
	for _, fault := range report.Faults {
		fmt.Fprintln(stdout, "fault  ", fault)
	}
	if len(report.Faults) > 0 {
		fmt.Fprintf(stdout, "NOT VERIFIED: %d faults\n", len(report.Faults))
		return exitFault
	}
	fmt.Fprintln(stdout, "verified")
	return exitOK
}

func checkProof(o options, vkey string, stdout, stderr io.Writer) int {
	proof, err := readBounded(o.Proof, verify.MaxProof)
	if err == nil {
		var leaf []byte
		if leaf, err = readBounded(o.Leaf, 1<<16); err == nil {
			return proofResult(verify.Proof(proof, vkey, leaf), stdout)
		}
	}
	fmt.Fprintln(stderr, "ward-verify:", err)
	return exitUsage
}

func proofResult(err error, stdout io.Writer) int {
	if err != nil {
		fmt.Fprintln(stdout, "fault  ", err)
		fmt.Fprintln(stdout, "NOT VERIFIED")
		return exitFault
	}
	fmt.Fprintln(stdout, "verified")
	return exitOK
}
