"""Loss and gradient of gpu-loss beside those of torch.autograd, through one file each way.

    pip install torch safetensors
    python examples/python/compare.py [PATH-OF-GPU-LOSS]
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

PROGRAM = sys.argv[1] if len(sys.argv) > 1 else "gpu-loss"


def compare(name, tensors, options, loss_of):
    """Runs one loss both ways; the largest differences, as shares of what gpu-loss promises."""
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, "batch.safetensors"), Path(folder, "out.safetensors")
        save_file(tensors, source)
        command = [PROGRAM, "run", source, *options, "--output", result, "--json"]
        report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        got = load_file(result)
    # In float64, so that what differs is gpu-loss's own rounding.
    scores = tensors["logits"].double().requires_grad_()
    loss = loss_of(scores)
    loss.backward()
    loss_limit = 2e-6 + 1e-5 * loss.abs()
    relative = {torch.float16: 1e-3, torch.bfloat16: 4e-3}.get(tensors["logits"].dtype, 2e-5)
    grad_limit = relative * scores.grad.abs() + 1e-6 * scores.grad.abs().max()
    loss_share = ((got["loss"] - loss).abs() / loss_limit).item()
    grad_share = ((got["grad"].double() - scores.grad).abs() / grad_limit).max().item()
    print(f"{name:28} loss {loss.item():.6f}  {loss_share:4.0%} and {grad_share:4.0%} of the promised errors"
          f"  ({report['adapter']})")
    return max(loss_share, grad_share) <= 1


def main():
    torch.manual_seed(0)
    logits = 3 * torch.randn(64, 1000)
    labels = torch.randint(1000, (64,))
    labels[::7] = -100
    attributes = (torch.rand(64, 1000) < 0.01).to(torch.uint8)
    image = torch.randn(2, 19, 32, 32)
    pixels = torch.randint(19, (2, 32, 32))
    kept = [
        compare("cross_entropy", {"logits": logits, "targets": labels},
                ["--loss", "softmax-ce", "--ignore-index", "-100", "--label-smoothing", "0.1"],
                lambda x: F.cross_entropy(x, labels, ignore_index=-100, label_smoothing=0.1)),
        compare("cross_entropy, bf16", {"logits": logits.bfloat16(), "targets": labels.clamp(min=0)},
                ["--loss", "softmax-ce"], lambda x: F.cross_entropy(x, labels.clamp(min=0))),
        compare("cross_entropy, [N, C, H, W]", {"logits": image, "targets": pixels},
                ["--loss", "softmax-ce"], lambda x: F.cross_entropy(x, pixels)),
        compare("BCE with logits", {"logits": logits, "targets": attributes},
                ["--loss", "sigmoid-ce"],
                lambda x: F.binary_cross_entropy_with_logits(x, attributes.double())),
    ]
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
