#!/usr/bin/env bash
# Makes sure that the outside programs of the tests are there: installs them on Debian when it may, else lists them.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
have() { command -v "$1" >/dev/null 2>&1; }
have gcc || missing+=(gcc libc6-dev)
have strace || missing+=(strace)
if ! have initdb && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then missing+=(postgresql); fi
# The console in a real browser, with the accessibility rules that npm brings.
have chromium || missing+=(chromium)
have npm || missing+=(npm)
[ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || missing+=(fonts-dejavu-core)
# A sender of messages and a library of models that others made. Looked for by their files: importing them takes seconds.
have mllp_send || missing+=(python3-hl7)
for module in xgboost numpy sklearn; do
  [ -d "/usr/lib/python3/dist-packages/$module" ] || missing+=("python3-$module")
done

# The HL7 validator runs on Java; Maven brings it.
have javac || missing+=(default-jdk-headless)
have mvn || missing+=(maven)

# A reader of Parquet files that others made, which Debian does not have: into a folder of its own, of the version that the tests name.
pyarrow=$(sed -n 's/^const pyarrow = "\(.*\)"$/\1/p' clinical/fhir/view/parquet/writer_test.go)
reader=${XDG_CACHE_HOME:-$HOME/.cache}/ward/pyarrow-$pyarrow
install_reader() {
  [ -x "$reader/bin/python" ] && return 0
  echo "setup: installing pyarrow $pyarrow into $reader"
  rm -rf "$reader.part"
  if /usr/bin/python3 -m venv "$reader.part" && "$reader.part/bin/python" -m pip install -q --disable-pip-version-check "pyarrow==$pyarrow"; then
    mv "$reader.part" "$reader"
    return 0
  fi
  echo "setup: pyarrow $pyarrow could not be installed into $reader (python3 -m venv, then pip install pyarrow==$pyarrow)" >&2
  [ "${WARD_REQUIRE_ALL:-}" = 1 ] && exit 1
  return 0
}
/usr/bin/python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)

if [ ${#missing[@]} -eq 0 ]; then
  install_reader
  exit 0
fi
if have apt-get && [ "$(id -u)" = 0 ]; then
  echo "setup: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >/dev/null
  # The tests start a private PostgreSQL of their own: no cluster is wanted.
  mkdir -p /etc/postgresql-common
  [ -f /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
  apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
  install_reader
  exit 0
fi
echo "setup: these programs are missing: ${missing[*]}" >&2
echo "setup: install them (Debian: apt-get install ${missing[*]}), then run make test again" >&2
[ "${WARD_REQUIRE_ALL:-}" = 1 ] && exit 1
echo "setup: going on without; the tests will say what they could not run" >&2
