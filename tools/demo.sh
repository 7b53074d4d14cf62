#!/bin/sh
# Scores the demonstration capture, compares with its labels and says what to try next.
set -eu
cd "$(dirname "$0")/.."

echo "A capture of simulated traffic (captures/README.md): people, a call centre, alerts, and spam campaigns."
echo "\$ spit score captures/demo.pcap.gz --labels captures/demo.labels.csv"
echo
.venv/bin/python -m spit score --format table --labels captures/demo.labels.csv captures/demo.pcap.gz

cat <<'NEXT'

Next (.venv/bin/spit, or `. .venv/bin/activate` first):
  spit score YOUR.pcap                       verdicts for your own capture
  spit score --by call YOUR.pcap             what was known at each attempt
  spit calls --format csv YOUR.pcap          a row per call, for a spreadsheet
  spit simulate --output my.pcap             labelled traffic of your own
  spit serve --read captures/demo.pcap.gz    answer an SBC over HTTP on 127.0.0.1:8060
NEXT
