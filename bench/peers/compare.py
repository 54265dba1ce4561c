"""Our network and other runtimes', the same weights, in turn: times, ratios and peak memory as a Markdown table.

    make bench-peers           (builds, installs what is needed, runs this)
    python3 bench/peers/compare.py build/retinaface [--onnxruntime FOLDER] [--peers onnxruntime,opencv,pytorch]
                               [--model FILE] [--sizes 640x480,...] [--threads 1,2] [--rounds 5]

FOLDER is where `npm install onnxruntime-node` ran; the other peers are Debian's python3-opencv and python3-torch. One that
is not there is skipped, and said so. Each round runs ours, then each peer, each in a process of its own. The ratio is the
median over the rounds of ours divided by theirs: machines are shared, quote that and no single time.
"""
import argparse
import importlib.util
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PEERS = {"onnxruntime": "ONNX Runtime", "opencv": "OpenCV", "pytorch": "PyTorch"}


def run(command, **options):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout)


def absent(peer, onnxruntime):
    """Why the peer cannot run; empty if it can."""
    if peer == "onnxruntime":
        if not onnxruntime or not (onnxruntime / "node_modules/onnxruntime-node").is_dir():
            return "--onnxruntime names no folder with onnxruntime-node"
        return "" if shutil.which("node") else "node is not there"
    module, package = {"opencv": ("cv2", "python3-opencv"), "pytorch": ("torch", "python3-torch")}[peer]
    return "" if importlib.util.find_spec(module) else f"{package} is not installed for {sys.executable}"


def run_peer(peer, onnxruntime, arguments):
    """What it measured, or None with a line that says so."""
    try:
        if peer == "onnxruntime":
            return run(["node", HERE / "onnx_runtime.mjs", *arguments], cwd=onnxruntime)
        return run([sys.executable, HERE / f"{peer}.py", *arguments])
    except (subprocess.CalledProcessError, ValueError) as error:
        print(f"skipped: {PEERS[peer]}: {error}", file=sys.stderr)


def row(size, threads, peer, pairs):
    ours, theirs = ([pair[side]["network_ms"] for pair in pairs] for side in (0, 1))
    ratios = [a / b for a, b in zip(ours, theirs)]
    memory = [max(pair[side]["peak_memory_mb"] for pair in pairs) for side in (0, 1)]
    return (f"| {size} | {threads} | {PEERS[peer]} | {statistics.median(ours):.1f} | {statistics.median(theirs):.1f} | "
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f}, {max(ratios):.2f}) | {memory[0]:.0f}, {memory[1]:.0f} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--onnxruntime", type=pathlib.Path)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--model", type=pathlib.Path, default=HERE.parents[1] / "weights/retinaface_mobilenet0.25.safetensors")
    parser.add_argument("--sizes", default="640x480,1920x1080,4096x2160")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    peers = args.peers.split(",")
    for peer in [p for p in peers if p not in PEERS]:
        parser.error(f"--peers: {peer} is none of {', '.join(PEERS)}")
    for peer, why in [(p, absent(p, args.onnxruntime)) for p in peers]:
        if why:
            print(f"skipped: {PEERS[peer]}: {why}", file=sys.stderr)
            peers.remove(peer)
    if not peers:
        sys.exit("no peer is there")
    print("| size | threads | peer | ours, ms | theirs, ms | ratio (least, most) | peak memory, MB: ours, theirs |\n"
          "|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for size in args.sizes.split(","):
            width, height = size.split("x")
            onnx = f"{folder}/{size}.onnx"
            subprocess.run([sys.executable, HERE / "export_onnx.py", args.model, width, height, onnx], check=True)
            runs = str(max(5, 30 * 640 * 480 // (int(width) * int(height))))
            for threads in args.threads.split(","):
                pairs = {peer: [] for peer in peers}
                for _ in range(args.rounds):
                    ours = run([args.program, "bench", "--json", "--model", args.model, "--size", size, "--threads", threads,
                                "--runs", runs])
                    for peer in list(pairs):
                        theirs = run_peer(peer, args.onnxruntime, [onnx, width, height, threads, runs])
                        if theirs:
                            pairs[peer].append((ours, theirs))
                        else:
                            del pairs[peer]
                for peer, measured in pairs.items():
                    print(row(size, threads, peer, measured), flush=True)


main()
