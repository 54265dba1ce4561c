"""Training steps of the light detector, ours and PyTorch's in turn: times, ratio, peak memory, as a Markdown table.

    make bench-training            (builds, installs python3-torch, runs this)
    python3 bench/training/compare.py build/training_step [--rounds 3] [--batch 8] [--size 640] [--threads 2] [--steps 3]

Each round runs ours, PyTorch and PyTorch with channels last, each in a process of its own. The ratio of a round is our
median over the faster of PyTorch's two. Quote ratios: the machine may be shared.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys


def run(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=3)
    for name, default in (("batch", 8), ("size", 640), ("threads", 2), ("steps", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    flags = [text for name in ("batch", "size", "threads", "steps") for text in (f"--{name}", str(getattr(args, name)))]
    peer = [sys.executable, str(pathlib.Path(__file__).with_name("pytorch_step.py")), *flags]
    print(f"| batch {args.batch}, {args.size}x{args.size}, {args.threads} threads | ours | PyTorch | PyTorch, channels last | "
          "ratio | peak memory: ours, theirs | ratio |\n| --- | --- | --- | --- | --- | --- | --- |")
    for index in range(args.rounds):
        results = [run(command) for command in ([args.program, *flags], peer, [*peer, "--channels-last"])]
        ours, plain, last = (statistics.median(r["seconds_per_image"]) for r in results)
        fastest = results[1] if plain <= last else results[2]
        print(f"| round {index + 1} | {ours:.4f} s/image | {plain:.4f} | {last:.4f} | {ours / min(plain, last):.2f} | "
              f"{results[0]['peak_mb']}, {fastest['peak_mb']} MB | {results[0]['peak_mb'] / fastest['peak_mb']:.2f} |", flush=True)


main()
