#!/bin/bash
# Starts the systemd units of an installation under a real systemd: in namespaces, on an overlay of the running
# system, so that nothing of it stays. Sends a capture through the agent into the scorer, reloads both, kills the
# scorer, stops both. Needs root, unshare, systemd, and `make install`. docs/install.md.
#
#   tools/try-units.sh [PREFIX]
set -eu
cd "$(dirname "$0")/.."
PREFIX=${1:-/opt/spit}
CALLER=%2B13745092946 # calls in captures/wangiri.pcap

fail() {
    echo "try-units: $*" >&2
    exit 1
}

[ "$(id -u)" -eq 0 ] || fail "expected root"
[ -x /lib/systemd/systemd ] || fail "expected /lib/systemd/systemd"
[ -x "$PREFIX/bin/spit" ] || fail "expected an installation at $PREFIX: make install PREFIX=$PREFIX"

work=$(mktemp -d)
mkdir "$work/upper" "$work/work" "$work/root"
cp captures/wangiri.pcap "$work/"
cat >"$work/spit.toml" <<'TOML'
[agent]
interface = ["lo"]
scorer = ["http://127.0.0.1:8060"]
TOML

# The first process there: a root of its own, then systemd.
cat >"$work/init.sh" <<'INIT'
set -eu
work=$1 prefix=$2 root=$1/root
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
mount -t devtmpfs devtmpfs "$root/dev"
mkdir -p "$root/dev/shm"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir -p "$root/etc/spit" "$root/old" "$root/trial"
cp "$work/spit.toml" "$root/etc/spit/"
cp "$work/wangiri.pcap" "$root/trial/"
cp "$prefix"/share/spit/systemd/*.service "$root/etc/systemd/system/"
printf '[Unit]\nWants=spit-agent.service spit-serve.service\n' >"$root/etc/systemd/system/spit-trial.target"
ip link set lo up
mount -t tmpfs tmpfs "$root/tmp"
cd "$root"
pivot_root . old
umount -l /old
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=spit-trial.target --log-target=null --show-status=false
INIT

unshare --mount --pid --fork --net --uts --ipc --cgroup --kill-child bash "$work/init.sh" "$work" "$PREFIX" &
holder=$!
clean_up() {
    # unshare ignores SIGTERM while its child runs; SIGKILL takes the child with it (--kill-child).
    kill -KILL "$holder" 2>/dev/null || true
    wait "$holder" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT

inside() {
    nsenter -t "$(pgrep -P "$holder")" -m -p -n -u -i "$@"
}
answers() {
    inside curl -sf "http://127.0.0.1:8060/v1/callers/$CALLER" 2>/dev/null | grep -q '"label":"spam"'
}
# until_true WORDS COMMAND: for half a minute.
until_true() {
    words=$1
    shift
    for _ in $(seq 60); do
        if "$@"; then
            echo "try-units: $words"
            return
        fi
        sleep 0.5
    done
    inside journalctl -u spit-agent -u spit-serve --no-pager | tail -n 40 >&2
    fail "not within 30 s: $words"
}
are_active() {
    inside systemctl is-active --quiet spit-agent 2>/dev/null && inside systemctl is-active --quiet spit-serve
}
is_ready() {
    inside curl -sf http://127.0.0.1:8060/readyz >/dev/null 2>&1 &&
        inside curl -sf http://127.0.0.1:9188/metrics >/dev/null 2>&1
}

until_true "both units run" are_active
until_true "the scorer answers, the agent captures" is_ready
inside "$PREFIX/bin/spit" replay /trial/wangiri.pcap --interface lo --speed 2000
until_true "the agent's events are scored" answers
inside systemctl reload spit-agent spit-serve
inside systemctl kill -s KILL spit-serve
until_true "a scorer that was killed comes back and knows what it had accepted" answers
until_true "both units run still" are_active
inside systemctl stop spit-agent spit-serve
for unit in spit-agent spit-serve; do
    result=$(inside systemctl show -p Result --value "$unit")
    [ "$result" = success ] || fail "$unit ended with $result"
done
echo "try-units: both ended in order"
