"""Our network and ONNX Runtime's, the same weights, in turn: times, ratios and peak memory as a Markdown table.

    make bench-peers           (builds, installs what is needed, runs this)
    python3 bench/peers/compare.py build/retinaface --onnxruntime FOLDER [--model FILE] [--sizes 640x480,...]
                               [--threads 1,2] [--rounds 5]

FOLDER is where `npm install onnxruntime-node` ran. Each round runs ours, then theirs, each in a process of its own. The
ratio is the median over the rounds of ours divided by theirs: machines are shared, quote that and no single time.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def run(command, **options):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--onnxruntime", type=pathlib.Path, required=True)
    parser.add_argument("--model", type=pathlib.Path, default=HERE.parents[1] / "weights/retinaface_mobilenet0.25.safetensors")
    parser.add_argument("--sizes", default="640x480,1920x1080,4096x2160")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    print("| size | threads | ours, ms | ONNX Runtime, ms | ratio (least, most) | peak memory, MB: ours, theirs |\n"
          "|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for size in args.sizes.split(","):
            width, height = size.split("x")
            onnx = f"{folder}/{size}.onnx"
            subprocess.run([sys.executable, HERE / "export_onnx.py", args.model, width, height, onnx], check=True)
            runs = str(max(5, 30 * 640 * 480 // (int(width) * int(height))))
            for threads in args.threads.split(","):
                rounds = []
                for _ in range(args.rounds):
                    rounds.append((
                        run([args.program, "bench", "--json", "--model", args.model, "--size", size, "--threads", threads,
                             "--runs", runs]),
                        run(["node", HERE / "onnx_runtime.mjs", onnx, width, height, threads, runs], cwd=args.onnxruntime)))
                ours, theirs = ([r[side]["network_ms"] for r in rounds] for side in (0, 1))
                ratios = [a / b for a, b in zip(ours, theirs)]
                memory = [max(r[side]["peak_memory_mb"] for r in rounds) for side in (0, 1)]
                print(f"| {size} | {threads} | {statistics.median(ours):.1f} | {statistics.median(theirs):.1f} | "
                      f"{statistics.median(ratios):.2f} ({min(ratios):.2f}, {max(ratios):.2f}) | {memory[0]:.0f}, {memory[1]:.0f} |",
                      flush=True)


main()
