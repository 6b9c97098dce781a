#!/usr/bin/env bash
# Starts server.py, a mail server for tests, on loopback. Needs python3 with venv, openssl, and PyPI once; no root.
#
#   STATE         its folder: certificates, inbox, log (a folder below the temporary one)
#   VENV          where aiosmtpd is installed, shared by all folders
#   SMTP_USER     who may sign in (tester)       SMTP_PASSWORD  with what (secret)
#   FIRST_PORT    the first of four ports (0: any that are free)
#   FOREGROUND=1  stay, and end when the input ends: for programs that must leave nothing behind
#
# The last line of the output holds NAME=value pairs for the caller. Started twice, it says them again.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
BASE=${TMPDIR:-/tmp}/syncline-trackers
STATE=$(realpath -m "${STATE:-$BASE/smtp}")
VENV=$(realpath -m "${VENV:-$BASE/smtp-venv}")
SMTP_USER=${SMTP_USER:-tester}
SMTP_PASSWORD=${SMTP_PASSWORD:-secret}
LIBRARY=aiosmtpd==1.4.6

die() { echo "$1" >&2; [ -s "${2:-/dev/null}" ] && tail -20 "$2" >&2; exit 1; }
lives() { [ -s "$STATE/pid" ] && [ -s "$STATE/ports.json" ] && kill -0 "$(cat "$STATE/pid")" 2>/dev/null; }
say() { echo "PORTS=$(tr -d ' ' <"$STATE/ports.json") CA=$STATE/ca.pem INBOX=$STATE/inbox USER=$SMTP_USER PASSWORD=$SMTP_PASSWORD PID=$(cat "$STATE/pid")"; }

install_library() {
  local try
  mkdir -p "$(dirname "$VENV")"
  exec 9>"$VENV.lock"
  flock 9
  if [ ! -e "$VENV/installed" ]; then
    for try in 1 2 3; do
      if python3 -m venv "$VENV" && "$VENV/bin/pip" -q --disable-pip-version-check install "$LIBRARY"; then
        touch "$VENV/installed"
        break
      fi
      sleep $((try * 3))
    done >"$VENV.log" 2>&1
  fi
  exec 9>&-
  [ -e "$VENV/installed" ] || die "$LIBRARY cannot be installed" "$VENV.log"
}

# An authority of its own for every folder, and a certificate for localhost and 127.0.0.1.
make_certificates() {
  local new=(openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
  (
    cd "$STATE"
    "${new[@]}" -x509 -days 30 -subj '/CN=Syncline test authority' -addext basicConstraints=critical,CA:TRUE \
      -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.pem
    "${new[@]}" -subj '/CN=localhost' -keyout server.key -out server.csr
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out server.crt -extfile \
      <(printf 'basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n')
    cat server.key server.crt >server.pem
  ) >"$STATE/openssl.log" 2>&1 || die "no certificates" "$STATE/openssl.log"
}

command -v python3 >/dev/null || die "this needs python3"
command -v openssl >/dev/null || die "this needs openssl"
install_library
mkdir -p "$STATE/inbox"
if lives; then say; exit 0; fi
[ -s "$STATE/server.pem" ] || make_certificates
rm -f "$STATE/ports.json"
SERVER=("$VENV/bin/python" "$HERE/server.py" "$STATE" --user "$SMTP_USER" --password "$SMTP_PASSWORD" --first-port "${FIRST_PORT:-0}")

if [ "${FOREGROUND:-0}" = 1 ]; then
  exec "${SERVER[@]}" --until-input-ends 2>"$STATE/server.log"
fi
setsid "${SERVER[@]}" </dev/null >"$STATE/server.log" 2>&1 &
echo $! >"$STATE/pid"
for _ in $(seq 100); do
  if lives; then say; exit 0; fi
  kill -0 "$(cat "$STATE/pid")" 2>/dev/null || break
  sleep 0.1
done
die "the mail server does not start" "$STATE/server.log"
