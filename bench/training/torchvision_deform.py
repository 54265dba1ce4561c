"""Deformable convolution 3x3, 256 to 256 channels at 80x80, ours and torchvision's in turn, as a Markdown table.

    python3 bench/training/torchvision_deform.py build/bench_ops [--rounds 5] [--threads 1,2]     (python3-torchvision)

A ratio is the median over the rounds of our median divided by theirs.
"""
import argparse
import json
import statistics
import subprocess
import sys
import time

ROWS = ("deform_conv2d 3x3", "deform_conv2d 3x3 forward and gradients")


def ours(program, threads):
    text = subprocess.run([program, "--threads", str(threads), "--filter", ROWS[0], "--ms", "1000"], check=True,
                          capture_output=True, text=True).stdout
    cells = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.startswith("| deform")]
    return {row[1]: float(row[3]) for row in cells}


def theirs(threads):
    import torch
    from torchvision.ops import deform_conv2d
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    x = torch.randn(1, 256, 80, 80, requires_grad=True)
    offset = (1.5 + torch.rand(1, 18, 80, 80)).requires_grad_()
    w = torch.randn(256, 256, 3, 3, requires_grad=True)
    gy = torch.randn(1, 256, 80, 80)

    def forward():
        with torch.no_grad():
            deform_conv2d(x, offset, w, padding=1)

    def both():
        for leaf in (x, offset, w):
            leaf.grad = None
        deform_conv2d(x, offset, w, padding=1).backward(gy)

    result = {}
    for name, run in zip(ROWS, (forward, both)):
        run()
        times = []
        for _ in range(5):
            start = time.perf_counter()
            run()
            times.append((time.perf_counter() - start) * 1000)
        result[name] = statistics.median(times)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--peer", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        print(json.dumps(theirs(args.peer)))
        return
    print("| operation | threads | ours, ms | torchvision, ms | ratio (least, most) |\n|---|---|---|---|---|")
    for threads in map(int, args.threads.split(",")):
        rounds = []
        for _ in range(args.rounds):
            peer = subprocess.run([sys.executable, __file__, args.program, "--peer", str(threads)], check=True,
                                  capture_output=True, text=True).stdout
            rounds.append((ours(args.program, threads), json.loads(peer)))
        for name in ROWS:
            mine, other = ([r[side][name] for r in rounds] for side in (0, 1))
            ratios = [a / b for a, b in zip(mine, other)]
            print(f"| {name} | {threads} | {statistics.median(mine):.1f} | {statistics.median(other):.1f} | "
                  f"{statistics.median(ratios):.2f} ({min(ratios):.2f}, {max(ratios):.2f}) |", flush=True)


main()
