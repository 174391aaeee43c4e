#!/usr/bin/env bash
# A real etcd, kube-apiserver and kube-controller-manager in a cache folder; prints the folder. The second call is instant.
#
# KUBEBUILDER_ASSETS is honoured when set. Otherwise the field's own tool, setup-envtest, fetches the servers; where the
# internet is closed to it they are built from their Go modules, which needs a Go toolchain and a module proxy only.
# The controller manager is not among the tool's downloads, so it is always built.
set -euo pipefail

readonly VERSION=1.35.4
here=$(cd "$(dirname "$0")" && pwd)
say() { printf '%s\n' "$*" >&2; }

complete() { [ -x "$1/etcd" ] && [ -x "$1/kube-apiserver" ] && [ -x "$1/kube-controller-manager" ]; }

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  [ -x "$KUBEBUILDER_ASSETS/etcd" ] && [ -x "$KUBEBUILDER_ASSETS/kube-apiserver" ] ||
    { say "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS holds no etcd and kube-apiserver"; exit 1; }
  echo "$KUBEBUILDER_ASSETS"
  exit 0
fi

case $(uname -m) in x86_64) arch=amd64 ;; aarch64 | arm64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
os=$(uname -s | tr '[:upper:]' '[:lower:]')
cache="${XDG_DATA_HOME:-$HOME/.local/share}/kubebuilder-envtest/k8s"
assets="$cache/$VERSION-$os-$arch"
if complete "$assets"; then
  echo "$assets"
  exit 0
fi

command -v go >/dev/null || { say "a real API server needs either KUBEBUILDER_ASSETS or a Go toolchain to build one"; exit 1; }
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT # what the tool has fetched is read-only

# The tool takes a folder that is there for one that is complete, so it gets one of its own.
fetch() {
  timeout 120 env GOBIN="$work" go install sigs.k8s.io/controller-runtime/tools/setup-envtest@release-0.23 >"$work/fetch.log" 2>&1 &&
    timeout 120 "$work/setup-envtest" use "$VERSION" --bin-dir "$work/fetched" -p path >"$work/path" 2>>"$work/fetch.log" &&
    install -m 755 "$(cat "$work/path")/etcd" "$(cat "$work/path")/kube-apiserver" "$assets/"
}

build() { # MODULE FOLDER, PACKAGE, NAME, LDFLAGS
  say "building $3 from its Go module ..."
  (cd "$1" && go build -mod=readonly -trimpath -ldflags "$4" -o "$work/$3" "$2")
}

stamp="-s -w -X k8s.io/component-base/version.gitVersion=v$VERSION -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=35"
mkdir -p "$assets"
chmod u+w "$assets" # the tool, used by hand, leaves this very folder, and leaves it read-only
if ! { [ -x "$assets/etcd" ] && [ -x "$assets/kube-apiserver" ]; } && ! fetch; then
  say "setup-envtest cannot download here; building instead (some minutes, once)"
  build "$here/etcd" . etcd "-s -w"
  build "$here" k8s.io/kubernetes/cmd/kube-apiserver kube-apiserver "$stamp"
  mv "$work/etcd" "$work/kube-apiserver" "$assets/"
fi
build "$here" k8s.io/kubernetes/cmd/kube-controller-manager kube-controller-manager "$stamp"
mv "$work/kube-controller-manager" "$assets/"
complete "$assets" || { say "the servers are not complete in $assets"; exit 1; }
echo "$assets"
