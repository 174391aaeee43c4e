#!/usr/bin/env bash
# The cluster suite twice: on the local cluster, then on a real API server. Usage: run-suite.sh PYTHON [real|local]
#
# Where the real server's binaries cannot be had this says so; with REAL_SERVER=required that is a failure.
set -euo pipefail
python=$(cd "$(dirname "${1:?usage: run-suite.sh PYTHON [real|local]}")" && pwd)/$(basename "$1")
which=${2:-both}
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
say() { printf '%s\n' "== $*" >&2; }

if [ "$which" != real ]; then
  say "cluster suite on the local cluster"
  "$python" -m pytest -n 2 --dist loadfile --durations=10 tests/cluster tests/e2e
fi
[ "$which" = local ] && exit 0

if ! assets=$("$here/install.sh"); then
  say "NOT RUN: the suite on a real API server, because its binaries could not be had (see above)"
  [ "${REAL_SERVER:-}" != required ]
  exit
fi
say "cluster suite on kube-apiserver, from $assets"
"$python" -m tests.envtest.with_server "$assets" -- "$python" -m pytest -n 2 --dist loadfile --durations=10 tests/cluster
say "the official examples of Flux, each on an empty kube-apiserver"
for name in helm-example multi-tenancy; do
  "$python" -m tests.envtest.with_server "$assets" -- "$python" -m pytest tests/corpora -k "$name"
done
say "the demo's tour on kube-apiserver"
"$python" -m tests.envtest.with_server "$assets" --workloads -- sh -c '"$1" -m fairlead demo --once --kubeconfig "$KUBECONFIG"' sh "$python"
