#!/usr/bin/env bash
# Installs what callsheet is tested against and others wrote: servers, what servers are built with, an editor's
# language server. Does nothing, in milliseconds, where it is installed already.
#
#   tests/peers/install.sh            into target/peers, or into $CALLSHEET_PEERS_DIR
#
# Prints the folder. What it needs: Rust, Node 18 or newer with npm, Python 3.11 or newer with venv. As root on a
# machine with apt it installs what is missing of these; elsewhere it says what to install.
set -euo pipefail

FASTMCP=4.1.2
# Its dependencies have the Python SDK, `mcp`, in a version that constraints.txt says.
PYTHON_SERVERS=2026.10.19

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
dir=${CALLSHEET_PEERS_DIR:-$root/target/peers}

say() { printf 'peers: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# What is installed is told by what it was installed from: an edited pin installs anew.
wanted=$(cat "$here/package-lock.json" "$here/constraints.txt" <(echo "$FASTMCP $PYTHON_SERVERS") \
  <(cd "$here" && find rmcp_server fixture_server -type f | LC_ALL=C sort | xargs cat) | sha256sum | cut -d' ' -f1)
if [[ -f $dir/installed && $(<"$dir/installed") == "$wanted" ]]; then
  printf '%s\n' "$dir"
  exit 0
fi

apt_updated=
apt_install() {
  if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    fail "$1 is missing. Install it and run this again (on Debian: apt-get install $1)"
  fi
  say "installing $*"
  if [[ -z $apt_updated ]]; then
    apt-get update -qq >&2 || fail "apt-get update failed"
    apt_updated=yes
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 \
    || fail "apt-get install $* failed"
}

node_major() { node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0; }
[[ $(node_major) -ge 18 ]] || apt_install nodejs
[[ $(node_major) -ge 18 ]] || fail "Node 18 or newer is needed; 'node --version' says $(node --version)"
command -v npm >/dev/null || apt_install npm

find_python() {
  local name
  for name in python3.12 python3.11 python3 python3.13; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s\n' "$name"
      return
    fi
  done
}
python=$(find_python)
if [[ -z $python ]]; then
  apt_install python3
  python=$(find_python)
  [[ -n $python ]] || fail "Python 3.11 or newer is needed; 'python3 --version' says $(python3 --version)"
fi
# Debian ships `venv` without the part that puts pip into it.
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
  apt_install "$(basename "$(readlink -f "$(command -v "$python")")")-venv"
fi

mkdir -p "$dir"
rm -f "$dir/installed"

say "npm: the official conformance suite and Node 22 for it, servers, yaml-language-server"
mkdir -p "$dir/npm"
cp "$here/package.json" "$here/package-lock.json" "$dir/npm/"
(cd "$dir/npm" && npm ci --no-audit --no-fund --loglevel=error >&2) || fail "npm ci failed"

say "PyPI: fastmcp $FASTMCP and mcp, mcp-server-time and mcp-server-git $PYTHON_SERVERS"
rm -rf "$dir/python"
"$python" -m venv "$dir/python" || fail "'$python -m venv' failed"
"$dir/python/bin/pip" install --quiet --disable-pip-version-check -c "$here/constraints.txt" \
  "fastmcp==$FASTMCP" "mcp-server-time==$PYTHON_SERVERS" "mcp-server-git==$PYTHON_SERVERS" mcp >&2 \
  || fail "pip install failed"

for server in rmcp_server fixture_server; do
  say "crates.io: rmcp, for $server"
  # Half of what it needs is built for callsheet anyway.
  CARGO_TARGET_DIR=$root/target \
    cargo build --quiet --locked --manifest-path "$here/$server/Cargo.toml" >&2 \
    || fail "cargo build of $server failed"
  # The one before may still be running.
  rm -f "$dir/$server"
  cp "$root/target/debug/$server" "$dir/$server"
done

"$dir/python/bin/python" -c 'import fastmcp, mcp' || fail "fastmcp is installed but cannot be imported"
for name in mcp-server-time mcp-server-git; do
  [[ -x $dir/python/bin/$name ]] || fail "$name is not where pip puts it"
done
for name in conformance node mcp-server-everything mcp-server-filesystem mcp-server-memory yaml-language-server; do
  [[ -f $dir/npm/node_modules/.bin/$name ]] || fail "$name is not where npm puts it"
done
printf '%s\n' "$wanted" >"$dir/installed"
printf '%s\n' "$dir"
