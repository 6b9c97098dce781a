#!/usr/bin/env bash
# Stops what up.sh started in STATE; PURGE=1 removes the folder, too. The shared VENV stays.
set -euo pipefail

STATE=$(realpath -m "${STATE:-${TMPDIR:-/tmp}/syncline-trackers/smtp}")
if [ -s "$STATE/pid" ]; then
  PID=$(cat "$STATE/pid")
  # The number may belong to somebody else by now.
  if tr '\0' ' ' <"/proc/$PID/cmdline" 2>/dev/null | grep -qF "server.py $STATE "; then
    kill "$PID"
    for _ in $(seq 50); do kill -0 "$PID" 2>/dev/null || break; sleep 0.1; done
    if kill -0 "$PID" 2>/dev/null; then echo "process $PID does not end" >&2; exit 1; fi
  fi
  rm -f "$STATE/pid" "$STATE/ports.json"
fi
if [ "${PURGE:-0}" = 1 ]; then rm -rf "$STATE"; fi
