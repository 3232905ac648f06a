#!/bin/sh
# The one way into the bundle; `./run.sh help` lists what there is.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
export PYTHONPATH="$here/gpu:$here/python${PYTHONPATH:+:$PYTHONPATH}" TILEKERNEL_LIBRARY="$here/lib/libtk.so"
export PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

usage() {
  cat <<'EOF'
usage: ./run.sh COMMAND [OPTIONS]       each command has --help

  check     every example on the GPU against float64, and against the simulator; --device sim needs no GPU
  time      beside cuBLAS and Triton; --minutes N
  tune      recompile with other tuning attributes, and time those (also ./run.sh --tune)
  probe     small PTX programs that settle what documents leave open
  counters  Nsight Compute's counters of one kernel
  verify    the files of this bundle against MANIFEST.json
  all       check, probe, then time, in 9 minutes (--minutes N)

Results are JSON files in $OUT, or in the folder this was started in.
EOF
}

all() {
  minutes=9
  [ "${1:-}" != --minutes ] || minutes=$2
  # A third for being right, half for being fast.
  status=0
  TK_COMMAND=check "$python" "$here/gpu/check.py" --minutes $((minutes / 3)) || status=1
  TK_COMMAND=probe "$python" "$here/gpu/probe.py" || status=1
  TK_COMMAND=time "$python" "$here/gpu/benchmark.py" --minutes $((minutes / 2)) || status=1
  exit $status
}

command=${1:-help}
[ $# = 0 ] || shift
# What messages and --help call the script: what was typed.
export TK_COMMAND="${command#--}"
case $command in
check) exec "$python" "$here/gpu/check.py" "$@" ;;
time) exec "$python" "$here/gpu/benchmark.py" "$@" ;;
tune | --tune) exec "$python" "$here/gpu/tune.py" "$@" ;;
probe) exec "$python" "$here/gpu/probe.py" "$@" ;;
counters) exec "$python" "$here/gpu/counters.py" "$@" ;;
verify) exec "$python" "$here/gpu/verify.py" "$@" ;;
all) all "$@" ;;
help | -h | --help) usage ;;
*)
  usage >&2
  echo "run.sh: unknown command '$command'" >&2
  exit 1
  ;;
esac
