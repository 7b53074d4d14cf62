#!/bin/sh
# Sets up everything that `make` needs on a fresh machine: system programs, .venv, locked Python packages.
# Run again it does nothing, quickly. The Rust module is built by `make build`.
#
#   tools/setup.sh           what building, testing and the demo need
#   tools/setup.sh --bench   also the programs that the benchmark compares with
#   tools/setup.sh --e2e     also the programs that the end-to-end tests start, such as Kamailio, SIPp and Redis
#   tools/setup.sh --lint    also rustfmt, clippy, shellcheck, and curl for the README's examples
set -eu
cd "$(dirname "$0")/.."

RUST_MINIMUM=1.88
PYTHON_MINIMUM=3.11

fail() {
    echo "setup: $*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# at_least 1.96.0 1.88: whether the first version is not older than the second.
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

rust_is_recent() {
    have cargo && have rustc && at_least "$(rustc --version | cut -d ' ' -f 2)" "$RUST_MINIMUM"
}

python_is_recent() {
    have python3 && python3 -c "import sys; sys.exit(sys.version_info < ($(echo "$PYTHON_MINIMUM" | tr . ,)))"
}

# Debian ships venv without ensurepip unless python3-venv is installed.
python_makes_venvs() {
    python_is_recent && python3 -c 'import ensurepip, venv' 2>/dev/null
}

# Whether Kamailio's module of that name is installed.
have_kamailio_module() {
    for found in /usr/lib/kamailio/modules/"$1".so /usr/lib/*/kamailio/modules/"$1".so; do
        [ ! -e "$found" ] || return 0
    done
    return 1
}

want() {
    packages="$packages $1"
}

# The packages of Debian and Ubuntu that hold what is missing. Their plain rustc is too old, rustc-web follows
# the releases.
missing_packages() {
    packages=""
    have git || want git
    python_makes_venvs || want "python3 python3-venv"
    have cc || want "gcc libc6-dev"
    have tshark || want tshark
    # The tests of TLS make their certificates with it.
    have openssl || want openssl
    # The tests of live capture make a network of their own with it; only Linux has it.
    [ "$(uname -s)" != Linux ] || have ip || want iproute2
    if ! rust_is_recent; then
        want "rustc-web cargo-web"
    fi
    for wanted in "$@"; do
        case "$wanted" in
            --bench)
                have sngrep || want sngrep
                have sipgrep || want sipgrep
                have tcpreplay || want tcpreplay
                have tcpdump || want tcpdump
                have wrk || want wrk
                have ip || want iproute2
                ;;
            --e2e)
                have kamailio || want kamailio
                have_kamailio_module jansson || want "kamailio-extra-modules kamailio-json-modules"
                have_kamailio_module ndb_redis || want kamailio-redis-modules
                have_kamailio_module http_client || want kamailio-utils-modules
                have sipp || want sip-tester
                have redis-server || want redis-server
                have initdb || [ -n "$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" ] || want postgresql
                have redis-cli || want redis-tools
                have curl || want curl
                ;;
            --lint)
                cargo fmt --version >/dev/null 2>&1 || want rustfmt-web
                cargo clippy --version >/dev/null 2>&1 || want rust-web-clippy
                have shellcheck || want shellcheck
                have curl || want curl
                ;;
            *) fail "unknown option $wanted: expected --bench, --e2e or --lint" ;;
        esac
    done
    echo "$packages"
}

install_packages() {
    have apt-get || fail "these are missing, install them (names of Debian packages):$*"
    if [ "$(id -u)" -eq 0 ]; then
        as_root=""
    elif have sudo && sudo -n true 2>/dev/null; then
        as_root="sudo"
    else
        fail "these are missing, install them: sudo apt-get install$*"
    fi
    echo "setup: installing$*"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 || fail "apt-get update failed"
    # shellcheck disable=SC2048,SC2086  # the list is meant to be split
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $* >&2 ||
        fail "apt-get could not install$*"
}

make_venv() {
    python_is_recent || fail "expected python3 $PYTHON_MINIMUM or newer, found $(python3 --version 2>&1)"
    # An interpreter that was upgraded or removed leaves a venv that starts nothing.
    if [ -d .venv ] && ! .venv/bin/python -c '' 2>/dev/null; then
        rm -rf .venv
    fi
    [ -d .venv ] || python3 -m venv .venv
}

install_python_packages() {
    stamp=.venv/requirements.cksum
    now=$(cksum requirements.lock)
    if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$now" ]; then
        echo "setup: installing the locked Python packages"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
        echo "$now" >"$stamp"
    fi
}

packages=$(missing_packages "$@")
if [ -n "$packages" ]; then
    install_packages "$packages"
    hash -r
    rust_is_recent || fail "expected rustc and cargo $RUST_MINIMUM or newer first on the PATH, found" \
        "$(rustc --version 2>&1) in $(command -v rustc): update it (with rustup: rustup update stable)"
    packages=$(missing_packages "$@")
    [ -z "$packages" ] || fail "still missing after the installation:$packages"
fi
make_venv
install_python_packages
