#!/usr/bin/env bash
# Starts a real Redmine (Debian's package, SQLite, puma) on loopback for tests. Needs root and apt; may be run again.
#
#   PORT    where it listens (8918)          STATE  where its data lives (a folder below the temporary one)
#   API_KEY the administrator's key          USER_KEY  the key of jane, a developer with an address of her own
#   LIMITED_KEY  the key of a reporter who may not change other people's issues
#   PROJECT / PROJECT2  identifiers of two private projects
#   INSTALL_ONLY=1  installs the packages and starts nothing
#
# Another STATE with another PORT is another Redmine; several may be started at the same moment.
# The last line of the output holds NAME=value pairs for the caller.
set -euo pipefail

PORT=${PORT:-8918}
STATE=$(realpath -m "${STATE:-${TMPDIR:-/tmp}/syncline-trackers/redmine}")
API_KEY=${API_KEY:-$(printf 'admin %s' "$STATE" | sha1sum | cut -c1-40)}
USER_KEY=${USER_KEY:-$(printf 'jane %s' "$STATE" | sha1sum | cut -c1-40)}
LIMITED_KEY=${LIMITED_KEY:-$(printf 'reporter %s' "$STATE" | sha1sum | cut -c1-40)}
PROJECT=${PROJECT:-sync-test}
PROJECT2=${PROJECT2:-sync-other}
URL=http://127.0.0.1:$PORT
NAME=syncline-$(printf %s "$STATE" | cksum | cut -d' ' -f1)
HERE=$(cd "$(dirname "$0")" && pwd)
SETUP_LOG=$STATE/log/setup.log

say() { echo "URL=$URL API_KEY=$API_KEY USER_KEY=$USER_KEY LIMITED_KEY=$LIMITED_KEY PROJECT=$PROJECT PROJECT2=$PROJECT2 STATE=$STATE PID=$(cat "$STATE/pid")"; }
die() { echo "$1" >&2; [ -s "${2:-/dev/null}" ] && tail -20 "$2" >&2; exit 1; }
answers() { curl -fs -o /dev/null --max-time 5 "$URL/login"; }
lives() { [ -s "$STATE/pid" ] && kill -0 "$(cat "$STATE/pid")" 2>/dev/null; }
installed() { [ "$(dpkg-query -W -f='${db:Status-Status}\n' redmine redmine-sqlite puma 2>/dev/null | grep -cx installed)" = 3 ]; }

# Bundler takes a Debian gem without a folder for one that was deleted, and the package's own set-up fails on it.
give_gems_folders() {
  local base spec
  for base in /usr/share/rubygems-integration/* /usr/lib/*/rubygems-integration/*; do
    for spec in "$base"/specifications/*.gemspec; do
      if [ -e "$spec" ]; then mkdir -p "$base/gems/$(basename "$spec" .gemspec)"; fi
    done
  done
}

install_packages() {
  local try
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  for try in 1 2 3; do
    apt-get -qq -o DPkg::Lock::Timeout=300 update || true
    echo 'redmine redmine/instances/default/dbconfig-install boolean false' | debconf-set-selections
    apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 install --no-install-recommends \
      redmine redmine-sqlite puma curl || true
    give_gems_folders
    dpkg --configure -a || true
    if installed; then return; fi
    sleep $((try * 5))
  done
  return 1
}

[ "$(id -u)" = 0 ] || die "run this as root: it installs packages"
command -v apt-get >/dev/null || die "this needs apt (Debian 12)"
mkdir -p "$STATE"/{config,log,files,tmp/cache,public/plugin_assets}
exec 9>"${TMPDIR:-/tmp}/syncline-redmine-install.lock"
flock 9
installed || install_packages >"$STATE/log/apt.log" 2>&1 || die "the packages cannot be installed" "$STATE/log/apt.log"
flock -u 9
[ "${INSTALL_ONLY:-0}" = 0 ] || exit 0

if lives && answers; then say; exit 0; fi
if lives; then PURGE=0 STATE=$STATE "$HERE/down.sh"; fi
if (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then die "port $PORT is taken; set PORT"; fi

ln -sfn "$STATE" "/var/lib/redmine/$NAME"   # how Debian's package knows several instances
cat >"$STATE/config/database.yml" <<Y
production:
  adapter: sqlite3
  database: $STATE/redmine.sqlite3
  timeout: 10000
Y
[ -s "$STATE/config/secret_key.txt" ] || openssl rand -hex 32 >"$STATE/config/secret_key.txt"
cp "$HERE/config.ru" "$STATE/config.ru"

export REDMINE_INSTANCE=$NAME RAILS_ENV=production SCHEMA=/dev/null REDMINE_LANG=en
# A database with the default data in it is the same for every server: the first one's is kept and copied.
EMPTY=${TMPDIR:-/tmp}/syncline-redmine-$(dpkg-query -W -f='${Version}' redmine 2>/dev/null | tr -c 'A-Za-z0-9.\n' -).sqlite3
export SYNCLINE_HOOK=$STATE/hook
export SEED_KEY=$API_KEY SEED_USER_KEY=$USER_KEY SEED_LIMITED_KEY=$LIMITED_KEY SEED_PROJECTS="$PROJECT $PROJECT2"
cd /usr/share/redmine
make_database() {
  # Two processes: right after the migrations the first one still believes in the old columns.
  bundle exec rake db:migrate >"$SETUP_LOG" 2>&1 || die "the database cannot be made" "$SETUP_LOG"
  bundle exec rake redmine:load_default_data >>"$SETUP_LOG" 2>&1 || true
  grep -q 'Default configuration data loaded' "$SETUP_LOG" || die "the default data cannot be loaded" "$SETUP_LOG"
}

if [ ! -e "$STATE/seeded" ]; then
  flock 9
  if [ -s "$EMPTY" ]; then
    cp "$EMPTY" "$STATE/redmine.sqlite3"
  else
    make_database
    cp "$STATE/redmine.sqlite3" "$EMPTY.$$" && mv "$EMPTY.$$" "$EMPTY"
  fi
  flock -u 9
  bundle exec ruby -r./config/environment "$HERE/seed.rb" >>"$SETUP_LOG" 2>&1 || die "seeding failed" "$SETUP_LOG"
  touch "$STATE/seeded"
fi
# One thread: with SQLite two writers at once lock each other out, which is no fault of Redmine's.
setsid nohup puma -e production -b "tcp://127.0.0.1:$PORT" -t 1:1 "$STATE/config.ru" \
  >"$STATE/log/puma.log" 2>&1 </dev/null 9>&- &
echo $! >"$STATE/pid"
for _ in $(seq 600); do
  if answers; then say; exit 0; fi
  lives || break
  sleep 0.2
done
die "redmine does not answer at $URL" "$STATE/log/puma.log"
