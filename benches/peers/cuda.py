"""gpu-loss beside PyTorch eager, PyTorch compiled and Liger on an NVIDIA GPU, in one run.

    cargo build --release -p gpu-loss-cli
    python3 benches/peers/cuda.py --gpu-loss target/release/gpu-loss --json cuda.json

Needs torch for CUDA and liger-kernel; what is missing is left out. For each shape and type, gpu-loss measures itself
(`gpu-loss bench`, by the GPU's timestamps); then the peers take turns with a copy of the same bytes, each step between
two CUDA events. Every peer is checked against float64 before it is timed. Loss and gradient, softmax cross-entropy on
classes, mean.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import torch
import torch.nn.functional as F

CLASSES = [10, 100, 1000, 4096, 32_000, 50_257, 128_256]
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}
# Bounds of a gradient's error, as parts of it and of the largest; peers compute in their own ways.
RELATIVE = {"f32": 1e-3, "bf16": 2e-2}
ROUNDS, WARM_UP = 30, 3


def peers(device):
    """Loss functions by name."""
    found = {"PyTorch eager": F.cross_entropy, "PyTorch compiled": torch.compile(F.cross_entropy, dynamic=False)}
    try:
        from liger_kernel.transformers import LigerCrossEntropyLoss

        if device == "cuda":
            found["Liger"] = LigerCrossEntropyLoss()
    except ImportError as error:
        print(f"Liger is left out: {error}")
    return found


def milliseconds(device, work):
    """Time of some work by the GPU's clock; on a CPU, for trying this script, by the host's."""
    if device != "cuda":
        begin = time.perf_counter()
        work()
        return (time.perf_counter() - begin) * 1e3
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    work()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end)


def step(loss, scores, labels):
    """Forward and backward from fresh leaves: Liger writes the gradient over the scores."""
    scores.grad = None
    value = loss(scores, labels)
    value.backward()
    return value


def check(name, value, scores, labels, grad, dtype):
    """Against float64, in parts, since it takes much memory."""
    total, largest, worst = 0.0, 1 / len(labels), 0.0
    for part in torch.arange(len(labels), device=labels.device).split(max(1, (1 << 26) // scores.shape[1])):
        exact = scores[part].double()
        lse = exact.logsumexp(1)
        total += (lse - exact.gather(1, labels[part, None])[:, 0]).sum().item()
        exact = (exact - lse[:, None]).exp()
        exact.scatter_add_(1, labels[part, None], -torch.ones_like(lse)[:, None])
        exact /= len(labels)
        limit = RELATIVE[dtype] * exact.abs() + 1e-5 * largest
        worst = max(worst, ((grad[part].double() - exact).abs() / limit).max().item())
    loss = total / len(labels)
    assert abs(value.item() - loss) <= RELATIVE[dtype] * loss, f"{name}: a loss of {value.item()}, expected {loss}"
    assert worst <= 1, f"{name}: a gradient off by {worst} times what is allowed"


def measured(program, classes, dtype, elements):
    """What gpu-loss says of itself; nothing without the program."""
    if program is None:
        return []
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "bench.json")
        filters = ["--loss", "softmax-ce", "--classes", str(classes), "--dtype", dtype, "--elements", str(elements)]
        command = [program, "--backend", "vulkan", "bench", *filters, "--json", path]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with open(path) as file:
            rows = json.load(file)
    plain = lambda row: (row["targets"], row["mode"], row["classes"]) == ("classes", "loss+grad", classes)
    return [{"peer": "gpu-loss", **row} for row in rows if plain(row)][:1]


def shape(args, classes, dtype, functions):
    """All figures of one shape and type."""
    figures = measured(args.gpu_loss, classes, dtype, args.elements)
    rows = max(1, args.elements // classes)
    torch.manual_seed(classes)
    original = (2.5 * torch.randn(rows, classes, device=args.device)).to(DTYPES[dtype])
    labels = torch.randint(classes, (rows,), device=args.device)
    bytes_moved = 2 * original.numel() * original.element_size() + 8 * rows + 4
    sink = torch.empty_like(original)
    work = {"copy": lambda: sink.copy_(original)}
    scores = original.clone().requires_grad_()
    for name, loss in functions.items():
        try:
            value = step(loss, scores, labels)
            check(name, value, original, labels, scores.grad, dtype)
            work[name] = lambda loss=loss: step(loss, scores, labels)
        except Exception as error:
            print(f"{name} failed on {rows} × {classes} {dtype}: {error}")
        scores.data.copy_(original)
    times = {name: [] for name in work}
    for turn in range(WARM_UP + args.rounds):
        for name, run in work.items():
            ms = milliseconds(args.device, run)
            scores.data.copy_(original)
            if turn >= WARM_UP:
                times[name].append(ms)
    medians = {name: statistics.median(ms) for name, ms in times.items()}
    copied = 2 * original.numel() * original.element_size() / medians.pop("copy") * 1e-6
    for name, ms in medians.items():
        figure = {"peer": name, "rows": rows, "classes": classes, "dtype": dtype, "mode": "loss+grad"}
        rates = {"bytes": bytes_moved, "gbps": bytes_moved / ms * 1e-6, "copy_gbps": copied}
        rates["of_copy"] = rates["gbps"] / copied
        figures.append({**figure, "median_ms": ms, "min_ms": min(times[name]), **rates})
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpu-loss", metavar="PROGRAM", help="the program gpu-loss, to take part")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--classes", type=lambda text: [int(count) for count in text.split(",")], default=CLASSES)
    parser.add_argument("--elements", type=int, default=1 << 28)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--device", default="cuda", help="cpu only to try the script")
    args = parser.parse_args()
    device = torch.cuda.get_device_name() if args.device == "cuda" else "CPU"
    print(f"{device}, PyTorch {torch.__version__}, {args.elements} scores")
    functions, figures = peers(args.device), []
    print(f"{'classes':>8} {'type':<5} {'peer':<17} {'median ms':>10} {'GB/s':>8} {'of copy':>8} {'vs gpu-loss':>12}")
    for classes in args.classes:
        for dtype in DTYPES:
            torch.compiler.reset()
            rows = shape(args, classes, dtype, functions)
            ours = next((row["median_ms"] for row in rows if row["peer"] == "gpu-loss"), None)
            for row in rows:
                row["vs"] = row["median_ms"] / ours if ours else None
                against = f"{row['vs']:.2f}×" if ours else ""
                print(
                    f"{classes:>8} {dtype:<5} {row['peer']:<17} {row['median_ms']:>10.3f} {row['gbps']:>8.0f}"
                    f" {row['of_copy']:>8.2f} {against:>12}"
                )
            figures += rows
    if args.json:
        with open(args.json, "w") as file:
            json.dump(figures, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
