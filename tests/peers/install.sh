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

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
dir=${CALLSHEET_PEERS_DIR:-$root/target/peers}

say() { printf 'peers: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# What is installed is told by what it was installed from: an edited pin installs anew.
wanted=$(cat "$here/package-lock.json" "$here/constraints.txt" <(echo "$FASTMCP") \
  "$here"/rmcp_server/{Cargo.toml,Cargo.lock,src/main.rs} | sha256sum | cut -d' ' -f1)
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

say "npm: @modelcontextprotocol/server-everything, yaml-language-server"
mkdir -p "$dir/npm"
cp "$here/package.json" "$here/package-lock.json" "$dir/npm/"
(cd "$dir/npm" && npm ci --no-audit --no-fund --loglevel=error >&2) || fail "npm ci failed"

say "PyPI: fastmcp $FASTMCP"
rm -rf "$dir/fastmcp"
"$python" -m venv "$dir/fastmcp" || fail "'$python -m venv' failed"
"$dir/fastmcp/bin/pip" install --quiet --disable-pip-version-check \
  -c "$here/constraints.txt" "fastmcp==$FASTMCP" >&2 || fail "pip install failed"

say "crates.io: rmcp"
(
  # Half of what it needs is built for callsheet anyway.
  export CARGO_TARGET_DIR=$root/target
  cargo build --quiet --locked --manifest-path "$here/rmcp_server/Cargo.toml" >&2
) || fail "cargo build of rmcp_server failed"
cp "$root/target/debug/rmcp_server" "$dir/rmcp_server"

"$dir/fastmcp/bin/python" -c 'import fastmcp' || fail "fastmcp is installed but cannot be imported"
for name in mcp-server-everything yaml-language-server; do
  [[ -f $dir/npm/node_modules/.bin/$name ]] || fail "$name is not where npm puts it"
done
printf '%s\n' "$wanted" >"$dir/installed"
printf '%s\n' "$dir"
