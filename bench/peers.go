package main

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

//go:embed peers
var peerFiles embed.FS

// Versions of the peers of the FHIR engine. fhirpath 5.2 cannot be installed: it asks for a version of @lhncbc/ucum-lhc that is not published.
const (
	npmFhir     = "4.12.0"
	npmFhirpath = "5.1.1"
	hapi        = "8.8.1" // with org.hl7.fhir.validation 6.7.9; see peers/pom.xml
)

// cached makes a folder of the user's cache once: make fills a folder that takes its place when it is whole.
func cached(name string, make func(dir string) error) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "ward", "bench", name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	part, err := os.MkdirTemp(mkdir(filepath.Dir(dir)), "part-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(part)
	if err := make(part); err != nil {
		return "", err
	}
	return dir, os.Rename(part, dir)
}

// mkdir makes a folder if it can; whoever uses it says that it could not.
func mkdir(dir string) string {
	_ = os.MkdirAll(dir, 0o755)
	return dir
}

// npm installs one package and the scripts of the peers beside it, and returns the folder.
func npm(ctx context.Context, name, version string) (string, error) {
	script, err := peerFiles.ReadFile("peers/" + map[string]string{"fhir": "validate.js", "fhirpath": "fhirpath.js"}[name])
	if err != nil {
		return "", err
	}
	dir, err := cached("npm-"+name+"-"+version, func(dir string) error {
		out, err := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, name+"@"+version).CombinedOutput()
		if err != nil {
			return fmt.Errorf("npm install %s@%s: %w: %s", name, version, err, out)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "run.js"), script, 0o644)
}

// validator sets up the HL7 validator by Maven and compiles its driver; it returns the folder.
func validator(ctx context.Context) (string, error) {
	pom, err := peerFiles.ReadFile("peers/pom.xml")
	if err != nil {
		return "", err
	}
	driver, err := peerFiles.ReadFile("peers/Validate.java")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(pom, driver...))
	return cached("hapi-"+hapi+"-"+hex.EncodeToString(sum[:4]), func(dir string) error {
		for name, text := range map[string][]byte{"pom.xml": pom, "Validate.java": driver} {
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
				return err
			}
		}
		for _, line := range [][]string{
			{"mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=lib"},
			{"javac", "-cp", "lib/*", "-d", ".", "Validate.java"},
		} {
			cmd := exec.CommandContext(ctx, line[0], line[1:]...)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%s: %w: %s", line[0], err, out)
			}
		}
		return nil
	})
}

// validations is what a peer says of its validation: resources per second of processor time, how many, and how many have an error.
type validations struct {
	rate        float64
	done, wrong int
}

// npmValidations lets the npm package fhir validate a file of lines.
func npmValidations(ctx context.Context, lines string) (v validations, err error) {
	dir, err := npm(ctx, "fhir", npmFhir)
	if err != nil {
		return v, err
	}
	return said(exec.CommandContext(ctx, "node", filepath.Join(dir, "run.js"), lines, "5"))
}

// hl7Validations lets the HL7 validator validate a file of lines; pack is the path of a package (.tgz), "" for none. Its just-in-time
// compiler needs a minute to come to its speed, which is not counted.
func hl7Validations(ctx context.Context, lines, pack string) (v validations, err error) {
	dir, err := validator(ctx)
	if err != nil {
		return v, err
	}
	class := filepath.Join(dir, "lib", "*") + ":" + dir
	args := []string{"-XX:+UseSerialGC", "-XX:ActiveProcessorCount=1", "-Xmx2g", "-cp", class, "Validate", lines, "20"}
	if pack != "" {
		args[4] += ":" + filepath.Dir(pack)
		args = append(args, filepath.Base(pack))
	}
	return said(exec.CommandContext(ctx, "java", args...))
}

func said(cmd *exec.Cmd) (v validations, err error) {
	var wrong strings.Builder
	cmd.Stderr = &wrong
	out, err := cmd.Output()
	if err != nil {
		return v, fmt.Errorf("%s: %w: %.500s", filepath.Base(cmd.Path), err, wrong.String())
	}
	fields := strings.Fields(string(out))
	if len(fields) < 3 {
		return v, fmt.Errorf("%s printed no figures", filepath.Base(cmd.Path))
	}
	fields = fields[len(fields)-3:]
	if v.rate, err = strconv.ParseFloat(fields[0], 64); err != nil {
		return v, err
	}
	if v.done, err = strconv.Atoi(fields[1]); err != nil {
		return v, err
	}
	v.wrong, err = strconv.Atoi(fields[2])
	return v, err
}
