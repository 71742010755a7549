"""A Python peer: answers the lines that src/serve.rs describes. Usage: peer.py torch-eager|torch-compiled|jax"""

import os
import sys
import time

import numpy as np


class Torch:
    """torch.nn.functional.cross_entropy on the CPU, forward and backward."""

    def __init__(self, compiled):
        import torch

        self.torch, self.compiled = torch, compiled
        torch.set_num_threads(os.cpu_count())
        kind = "compiled" if compiled else "eager"
        self.about = f"PyTorch {torch.__version__}, {kind}, CPU, {torch.get_num_threads()} threads"

    def load(self, scores, labels):
        loss = self.torch.nn.functional.cross_entropy
        if self.compiled:
            # What was specialised for one shape is no use for the next.
            self.torch.compiler.reset()
            loss = self.torch.compile(loss, dynamic=False)
        self.loss = loss
        self.scores = self.torch.from_numpy(scores).requires_grad_()
        self.labels = self.torch.from_numpy(labels)

    def step(self):
        self.scores.grad = None
        loss = self.loss(self.scores, self.labels)
        loss.backward()
        return loss

    def result(self):
        loss = self.step()
        return loss.item(), self.scores.grad.numpy()


class Jax:
    """optax.softmax_cross_entropy_with_integer_labels and its gradient, compiled by XLA for the CPU."""

    def __init__(self):
        import jax
        import optax

        self.jax = jax
        jax.config.update("jax_platforms", "cpu")
        self.about = f"JAX {jax.__version__}, optax {optax.__version__}, {jax.devices()[0].device_kind}"
        loss = optax.softmax_cross_entropy_with_integer_labels
        self.loss = jax.jit(jax.value_and_grad(lambda scores, labels: loss(scores, labels).mean()))

    def load(self, scores, labels):
        self.scores = self.jax.device_put(scores)
        self.labels = self.jax.device_put(labels.astype(np.int32))

    def step(self):
        return self.jax.block_until_ready(self.loss(self.scores, self.labels))

    def result(self):
        loss, grad = self.step()
        return float(loss), np.asarray(grad)


def answer(peer, request):
    """What a request comes to, in words."""
    words = request.split(" ", 3)
    if words[0] == "load":
        rows, classes, answer.directory = int(words[1]), int(words[2]), words[3]
        scores = np.fromfile(os.path.join(answer.directory, "scores"), np.float32).reshape(rows, classes)
        peer.load(scores, np.fromfile(os.path.join(answer.directory, "labels"), np.int64))
        return ""
    if words[0] == "result":
        loss, grad = peer.result()
        grad.tofile(os.path.join(answer.directory, "grad"))
        return repr(loss)
    if words[0] == "time":
        begin = time.perf_counter()
        held = peer.step()
        ms = (time.perf_counter() - begin) * 1e3
        del held
        return repr(ms)
    raise ValueError("no such request")


def main():
    peers = {"torch-eager": lambda: Torch(False), "torch-compiled": lambda: Torch(True), "jax": Jax}
    # Whatever a library prints must not come between the answers.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        peer = peers[sys.argv[1]]()
    except Exception as error:
        print(f"failed {type(error).__name__}: {error}".replace("\n", " "), file=out, flush=True)
        return
    print(f"ok {peer.about}", file=out, flush=True)
    for line in sys.stdin:
        try:
            print(f"ok {answer(peer, line.rstrip())}", file=out, flush=True)
        except Exception as error:
            print(f"failed {type(error).__name__}: {error}".replace("\n", " "), file=out, flush=True)


if __name__ == "__main__":
    main()
