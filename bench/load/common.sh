# shellcheck shell=bash
# What the scripts of this folder share: options, the world, cores, servers, loads, figures and cleaning up.
#
# A script sets the variables of its options to their defaults, names them in `options`, lists in `smoke_values`
# (NAME=VALUE) what --smoke sets besides the smallest world, sources this file and calls `begin "$@"`, or `set_up "$@"`
# if it needs no world. After that it stands in the root of the source tree and has
#   $bin     folder of the programs             $world  folder of the world
#   $run     a temporary folder of its own      $server_core, $load_core  a core for each; the same if there is but one
# Every child ends with the script, however the script ends.
# shellcheck disable=SC2154 # options and smoke_values are the script's
set -euo pipefail

# usage: bench/load/NAME [--scale PERCENT] [--build DIR] [--smoke] and the options that the script names.
begin() {
  set_up "$@"
  make_world
}

set_up() {
  build=${build:-build/release} scale=${scale:-100}
  cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
  take_options "$@"
  bin=$build/bin
  world=build/bench/world-$scale
  run=$(mktemp -d "${TMPDIR:-/tmp}/mirror-bench-XXXXXX")
  trap clean_up EXIT
  # Without these, bash would end by the signal itself and run no EXIT trap.
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  local -a cores
  read -r -a cores < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)))')
  server_core=${cores[0]} load_core=${cores[-1]}
}

take_options() {
  local name
  while [ $# -gt 0 ]; do
    name=${1#--}
    if [ "$1" = --smoke ]; then
      for name in scale=1 "${smoke_values[@]}"; do printf -v "${name%%=*}" %s "${name#*=}"; done
      shift
    elif [ $# -gt 1 ] && [[ $1 == --* && " build scale ${options[*]} " == *" $name "* ]]; then
      printf -v "${name//-/_}" %s "$2"
      shift 2
    else
      sed -n '2,/^#$/{/^#$/!s/^# //p}' "$0" >&2
      exit 2
    fi
  done
}

# Only children that still run: a number that was free again may be another's.
clean_up() {
  local -a living
  mapfile -t living < <(jobs -pr)
  [ ${#living[@]} = 0 ] || kill "${living[@]}" 2>/dev/null || true
  wait
  rm -rf "$run"
}

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# The world of a scale is made once and kept; whoever comes meanwhile waits for it. Its questions follow make_world.
make_world() {
  mkdir -p build/bench
  exec 9>"$world.lock"
  in_background flock 9
  if [ ! -e "$world/snapshots/CURRENT" ]; then
    make_new_world "$world.new" >"$run/world.log" 2>&1 || { cat "$run/world.log" >&2; die "no world"; }
    rm -rf "$world"
    mv "$world.new" "$world"
  elif [ "$bin/make_world" -nt "$world/requests.txt" ]; then
    in_background "$bin/make_world" --inputs "$world" --scale "$scale"
  fi
  exec 9>&-
}

make_new_world() { # FOLDER
  rm -rf "$1"
  mkdir -p "$1"
  in_background "$bin/mirrorctl" database init --database "sqlite:$1/world.db" &&
    in_background "$bin/make_world" --database "sqlite:$1/world.db" --inputs "$1" --scale "$scale" &&
    in_background xargs ops/quickstart.d/make-geoip "$1/world.mmdb" <"$1/geoip.txt" &&
    in_background "$bin/mirror-compile" --database "sqlite:$1/world.db" --netblocks "$1/netblocks.txt" \
      --snapshots "$1/snapshots" --created-at 1790000000
}

# in_background COMMAND...: waits for it, so that a signal to the script does not have to. It is told to end when the
# script has ended, also by SIGKILL.
in_background() {
  setpriv --pdeathsig TERM "$@" <&0 &
  wait $!
}

# on_core CORE COMMAND...: becomes the command, which likewise ends with the script.
on_core() {
  local core=$1
  shift
  exec setpriv --pdeathsig TERM taskset -c "$core" "$@"
}

# wait_for COMMAND...: until it is true, for at most 30 seconds.
wait_for() {
  local end=$((SECONDS + 30))
  until "$@"; do
    [ $SECONDS -lt $end ] || die "waited in vain for: $*"
    sleep 0.05
  done
}

# serve NAME COMMAND...: starts a server on its core; sets $port and $pid once it says where it listens. The number
# stands in $run/NAME.pid, too, as soon as there is one.
serve() {
  local output=$run/$1
  shift
  # An earlier server of this name must not be taken for this one.
  : >"$output"
  on_core "$server_core" "$@" >"$output" 2>&1 &
  pid=$!
  echo "$pid" >"$output.pid"
  wait_for listens "$pid" "$output"
  port=$(sed -n 's/^Listening on .*:\([0-9]*\)$/\1/p' "$output")
}

listens() { # PID OUTPUT
  kill -0 "$1" 2>/dev/null || { cat "$2" >&2; die "the server has ended"; }
  grep -q '^Listening on ' "$2"
}

# serve_edge SNAPSHOTS [OPTION]...: one worker, an access log, an admin socket; sets $edge_port and $edge_pid.
serve_edge() {
  serve edge "$bin/mirror-edge" --geoip "$world/world.mmdb" --workers 1 --port 0 --log "$run/access.log" \
    --admin "unix:$run/admin" --snapshots "$@"
  # shellcheck disable=SC2034  # for the scripts
  edge_port=$port edge_pid=$pid
}

# Sets $port and $pid. It answers what sizes_of wrote.
serve_baseline() { serve baseline "$bin/baseline_server" 0; }

# sizes_of QUESTIONS FILE: for the baseline, targets with the sizes of the answers to these questions.
sizes_of() {
  in_background "$build/bench/replay_bench" --snapshots "$world/snapshots" --geoip "$world/world.mmdb" --requests "$1" \
    --sizes "$2"
}

stop() { # PID
  kill "$1"
  wait "$1" || true
}

# load OUTPUT OPTION...: one line of key=value more in that file. Any failed answer ends the script. p99_quiet_us leaves
# out the answers that were due while the kernel's memory monitor ran (kdamond, where a virtual machine has one): such a
# monitor may take a core away for milliseconds, whoever runs there. It is looked at every 10 ms; what is left out
# begins 10 ms before the look before its run and ends 10 ms after the look after it. The thread may come and go, so
# that it is looked up for each load.
load() {
  local output=$1 disturber
  shift
  disturber=$(pgrep --oldest '^kdamond' || echo 0)
  in_background taskset -c "$load_core" "$bin/load_generator" --disturber "$disturber" "$@" >>"$output" ||
    die "the load failed: $(tail -n 1 "$output")"
}

# attack NAME CONNECTIONS RATE TARGET: misuses the edge in the background from here on, only when nobody else wants the
# core. What it did stands in $run/attack after end_attack.
attack() {
  : >"$run/attack"
  on_core "$load_core" chrt --idle 0 bench/load/attacker "$1" "$edge_port" "${@:2}" >"$run/attack" &
  attacker_pid=$!
  wait_for attacks
}
attacks() {
  kill -0 "$attacker_pid" 2>/dev/null || die "the attacker has ended"
  grep -q attacking "$run/attack"
}
end_attack() {
  stop "$attacker_pid"
  sed -i '/^attacking$/d' "$run/attack"
}

# observe NAME MILLISECONDS [ADMIN_SOCKET]: watches that server's memory from here on; if it is yet to be served for the
# first time, from its start on. What bench/load/observer saw is one line more in $run/NAME.observed after
# end_observation.
observe() {
  observed=$run/$1.observed
  : >"$run/observing"
  on_core "$load_core" bench/load/observer "$run/$1.pid" "${@:2}" >"$run/observing" &
  observer_pid=$!
  wait_for grep -q observing "$run/observing"
}
end_observation() {
  stop "$observer_pid"
  grep '^rss' "$run/observing" >>"$observed"
}

# kind_of_questions NAME: the file of the world's questions of this kind, which is made if need be.
kind_of_questions() {
  local file=$run/questions-$1
  case $1 in
    metalink) grep '^/metalink?' "$world/requests.txt" >"$file" ;;
    list) grep '^/mirrorlist?repo=dist[^&]*&arch=[a-z0-9_]*	' "$world/requests.txt" >"$file" ;;
    mix) file=$world/requests.txt ;;
  esac
  echo "$file"
}

# Figures, from lines of key=value. A key that is not in every line is an error, which an assignment notices.
value() { # KEY FILE
  sed -n "s/.*\b$1=\([0-9.]*\).*/\1/p;t;q1" "$2" | grep . || die "no $1 in a line of $2"
}
sorted_values() { value "$1" "$2" | sort -n; }
median_of() { sorted_values "$1" "$2" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; } # KEY FILE
# take_medians ARRAY FILE KEY...: into the associative array.
take_medians() {
  local -n medians=$1
  local key
  for key in "${@:3}"; do
    # shellcheck disable=SC2034 # the caller's array
    medians[$key]=$(median_of "$key" "$2")
  done
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else printf "-" }'; }
memory_kb() { awk -v f="$2:" '$1 == f { print $2 }' "/proc/$1/status"; } # PID FIELD
memory() { # PID FIELD...: as "FIELD N MB", for people
  local field text=''
  for field in "${@:2}"; do
    text+="$field $(memory_kb "$1" "$field" | awk '{ printf "%.1f", $1 / 1024 }') MB  "
  done
  echo "${text%  }"
}
