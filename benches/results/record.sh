#!/usr/bin/env bash
# Measures this machine and keeps what is printed: record.sh NAME BACKEND [PYTHON]. See README.md beside it.
set -euo pipefail
cd "$(dirname "$0")/../.."
name=${1:?adapter and driver, as in lavapipe-mesa-22.3.6}
backend=${2:?a backend: vulkan, metal, dx12 or gl}
python=${3:-python3}

cargo build --release --package gpu-loss-cli
cargo build --release --manifest-path benches/peers/Cargo.toml
program=${CARGO_TARGET_DIR:-target}/release/gpu-loss
peers=${CARGO_TARGET_DIR:-benches/peers/target}/release/peers

at=$(mktemp -d)
trap 'rm -rf "$at"' EXIT
run() {
    echo "+ $*" >>"$at/command.txt"
    "$@"
}
{
    git describe --always --dirty
    uname -srm
    grep --max-count=1 'model name' /proc/cpuinfo 2>/dev/null || true
    echo "cores: $(getconf _NPROCESSORS_ONLN)"
    "$program" --backend "$backend" adapters
} >"$at/command.txt"
# A missed bar is a result too; anything else that goes wrong is not.
missed() { [ $? -eq 1 ] && echo "a bar is missed: see $1"; }
run "$program" --backend "$backend" bench --check --json "$at/bench.json" >"$at/bench.txt" || missed bench.txt
run env WGPU_BACKEND="$backend" "$peers" --check --python "$python" --json "$at/peers.json" >"$at/peers.txt" || missed peers.txt

into=benches/results/$(date -u +%F)-$name
rm -rf "$into"
mkdir "$into"
cp "$at"/* "$into"
cat "$into/bench.txt" "$into/peers.txt"
echo "kept in $into"
