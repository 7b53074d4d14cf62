#!/bin/sh
# Installs spit for service under PREFIX (default /opt/spit): an environment of its own with the wheel, the locked
# versions of what it needs, the shipped model, and the systemd units. Run again it brings the newest. Needs what
# tools/setup.sh sets up (`make install` calls it). docs/install.md.
#
#   tools/install.sh [PREFIX]     INSTALL_PYTHON: the interpreter, one that the service's user can read
set -eu
cd "$(dirname "$0")/.."

PREFIX=${1:-/opt/spit}
PYTHON=${INSTALL_PYTHON:-/usr/bin/python3}
EXTRAS=service,storage,redis,simulate,train,tshark

fail() {
    echo "install: $*" >&2
    exit 1
}

case "$PREFIX" in
    /*) ;;
    *) fail "PREFIX: expected an absolute path, found $PREFIX" ;;
esac
"$PYTHON" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "expected python 3.11 or newer with venv, found $PYTHON: name another one with INSTALL_PYTHON=..."

rm -rf build/wheel
.venv/bin/maturin build --release --locked --strip --quiet --out build/wheel
# The versions that were tested; without their hashes, which pip would ask of the wheel too.
sed -n 's/^\([A-Za-z0-9_.-]*\(\[[a-z,]*\]\)\{0,1\}==[^ ;\\]*\).*/\1/p' requirements.lock >build/constraints.txt

mkdir -p "$PREFIX" || fail "$PREFIX cannot be made: run it as root, or name another PREFIX"
[ -x "$PREFIX/bin/python" ] || "$PYTHON" -m venv "$PREFIX"
pip() {
    "$PREFIX/bin/python" -m pip --quiet --disable-pip-version-check "$@"
}
for wheel in build/wheel/spit-*.whl; do
    pip install --constraint build/constraints.txt "${wheel}[$EXTRAS]"
    # Of the same version, but made anew.
    pip install --no-deps --force-reinstall "$wheel"
done
"$PREFIX/bin/python" -m compileall -q "$PREFIX/lib" || true

units=$PREFIX/share/spit/systemd
mkdir -p "$units"
for unit in packaging/systemd/*.service; do
    sed "s|/opt/spit|$PREFIX|g" "$unit" >"$units/${unit##*/}"
done
mkdir -p "$PREFIX/share/doc/spit"
cp docs/*.md "$PREFIX/share/doc/spit/"
"$PREFIX/bin/spit" --version
echo "install: done. Units: $units, documentation: $PREFIX/share/doc/spit (install.md goes on)"
