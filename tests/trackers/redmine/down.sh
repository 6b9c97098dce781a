#!/usr/bin/env bash
# Stops the Redmine that up.sh started with the same STATE; PURGE=1 removes its data too. Packages stay.
set -euo pipefail

STATE=$(realpath -m "${STATE:-${TMPDIR:-/tmp}/syncline-trackers/redmine}")
if [ -s "$STATE/pid" ]; then
  pid=$(cat "$STATE/pid")
  if grep -qaE 'puma' "/proc/$pid/cmdline" 2>/dev/null; then
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 50); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.2
    done
    if kill -0 "$pid" 2>/dev/null; then
      echo "process $pid does not end" >&2
      exit 1
    fi
  fi
  rm -f "$STATE/pid"
fi
if [ "${PURGE:-0}" = 1 ]; then
  rm -f "/var/lib/redmine/syncline-$(printf %s "$STATE" | cksum | cut -d' ' -f1)"
  rm -rf "$STATE"
fi
