#!/usr/bin/env bash
# Everything that is to be known of a GPU, by one command, on a machine without Rust and without network.
#
#     benches/gpu.sh pack DIR            where Rust is: builds the program and puts all that is needed into DIR
#     DIR/gpu.sh run OUT [--dry]         where the GPU is: at most 8 minutes, at most 16 MiB in OUT
#
# OUT/summary.txt is what to read first. --dry goes through every step with the least of each, to try the script.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

pack() {
    local into=${1:?a folder to pack into}
    mkdir -p "$into"
    into=$(cd "$into" && pwd)
    cd "$here/.."
    cargo build --release --package gpu-loss-cli
    cp "${CARGO_TARGET_DIR:-target}/release/gpu-loss" "$into/gpu-loss"
    strip "$into/gpu-loss" 2>/dev/null || true
    cp benches/peers/cuda.py "$into/"
    cp "$here/gpu.sh" "$into/"
    git describe --always --dirty >"$into/commit.txt"
    # The Vulkan loader, for machines that have a driver and nothing to load it by.
    if command -v apt-get >/dev/null; then
        (cd "$into" && apt-get download libvulkan1 >/dev/null 2>&1) || echo "the Vulkan loader is not packed" >&2
    fi
    du -sh "$into"
}

# One step: its name, its seconds, its command; what it prints goes into a file of that name.
step() {
    local name=$1 seconds=$2
    shift 2
    echo "+ $*" >>"$out/command.txt"
    local began=$SECONDS status=0
    timeout "$seconds" "$@" >"$out/$name.txt" 2>"$out/$name.err" || status=$?
    [ -s "$out/$name.err" ] || rm -f "$out/$name.err"
    echo "$name: exit code $status after $((SECONDS - began)) s" | tee -a "$out/steps.txt"
}

loader() {
    if ldconfig -p 2>/dev/null | grep -q libvulkan.so.1; then return; fi
    local deb
    deb=$(ls "$here"/libvulkan1_*.deb 2>/dev/null | head -n 1) || true
    [ -n "$deb" ] || return 0
    mkdir -p "$out/.loader"
    dpkg-deb --extract "$deb" "$out/.loader"
    LD_LIBRARY_PATH="$(dirname "$(find "$out/.loader" -name 'libvulkan.so.1' | head -n 1)"):${LD_LIBRARY_PATH:-}"
    export LD_LIBRARY_PATH
}

summary() {
    {
        echo "gpu-loss $(cat "$here/commit.txt" 2>/dev/null || git -C "$here" describe --always --dirty)," \
            "$(date -u +%F)$([ -z "$dry" ] || echo ', a dry run: no figure here means anything')"
        echo
        cat "$out/steps.txt"
        echo
        cat "$out/adapters.txt"
        echo
        tail -n 1 "$out/verify.txt"
        echo
        echo "Defaults, against the best copy:"
        grep -E "^  (loss|softmax|sigmoid|poly|ce|bce|linear)" "$out/bench.txt" | grep -v "· " || true
        echo
        echo "Bars:"
        grep -iE "bar|missed" "$out/bench.txt" | tail -n 40 || true
        if [ -s "$out/peers.txt" ]; then
            echo
            echo "Peers:"
            cat "$out/peers.txt"
        fi
    } >"$out/summary.txt" 2>/dev/null || true
}

run() {
    out=${1:?a folder for the results}
    dry=${2:-}
    [ -z "$dry" ] || [ "$dry" = --dry ] || { echo "unknown: $dry; --dry is all there is" >&2; exit 2; }
    mkdir -p "$out"
    out=$(cd "$out" && pwd)
    : >"$out/command.txt"
    : >"$out/steps.txt"
    loader
    local program=${GPU_LOSS_PROGRAM:-$here/gpu-loss}
    [ -x "$program" ] || program=$here/../target/release/gpu-loss
    uname -srm >>"$out/command.txt"
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv >>"$out/command.txt" 2>/dev/null || true
    step adapters 30 "$program" adapters
    if [ -n "$dry" ]; then
        step verify 200 "$program" --backend vulkan verify --quick
        step bench 120 "$program" --backend vulkan bench --quick --classes 10,1000 --dtype f32 --json "$out/bench.json"
        step strategies 120 "$program" --backend vulkan bench --quick --classes 100 --dtype f32 --strategy all \
            --json "$out/strategies.json"
    else
        step verify 90 "$program" --backend vulkan verify --quick
        step bench 180 "$program" --backend vulkan bench --check --json "$out/bench.json"
        step types 60 "$program" --backend vulkan bench --quick --dtype f16,bf16 --json "$out/types.json"
    fi
    # PyTorch and Liger, where they are installed.
    local python=${PYTHON:-python3}
    if [ -z "$dry" ] && "$python" -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
        local peers=$here/cuda.py
        [ -f "$peers" ] || peers=$here/peers/cuda.py
        step peers 120 "$python" "$peers" --gpu-loss "$program" --json "$out/peers.json"
    else
        echo "peers: skipped: no PyTorch with CUDA" | tee -a "$out/steps.txt"
    fi
    rm -rf "$out/.loader"
    summary
    local kib
    kib=$(du -sk "$out" | cut -f 1)
    [ "$kib" -le 16384 ] || { echo "the results take $kib KiB, more than 16 MiB" >&2; exit 1; }
    # Whatever went wrong is in the summary; a step that could not run at all fails the whole.
    ! grep -qE "^(adapters|verify|bench): exit code [^01]" "$out/steps.txt" || { cat "$out/steps.txt" >&2; exit 1; }
    echo "read $out/summary.txt"
}

case ${1:-} in
pack) shift && pack "$@" ;;
run) shift && run "$@" ;;
*) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
