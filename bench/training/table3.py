"""RetinaFace's Table 3 on a small scale: what deformable layers and landmarks add, with the light backbone and a short budget.

    python3 bench/training/table3.py build/retinaface [--shared ../shared] [--out runs/table3] [--epochs 3] [--size 320] [--seeds 1,2,3]

Trains each row once per seed, evaluates on the held-out pictures and prints a Markdown table of mean and spread (largest
less smallest) beside the paper's numbers. A training that was interrupted goes on, one that ended is not repeated.
"""
import argparse
import pathlib
import statistics
import subprocess

# The decoder of our weights; the head learns anew, since the detector does.
DENSE = "weights/retinaface_dense.safetensors"

# Row, flags, the paper's easy, medium, hard and mAP (ResNet-152 on the official training images).
ROWS = (
    ("FPN + context", ("--deformable", "none", "--landmark-weight", "0"), (95.532, 95.134, 90.714, 50.842)),
    ("+ DCN", ("--deformable", "v2", "--landmark-weight", "0"), (96.349, 95.833, 91.286, 51.522)),
    ("+ DCN + L_pts", ("--deformable", "v2", "--landmark-weight", "0.1"), (96.467, 96.075, 91.694, 52.297)),
    ("+ DCN + L_pixel", ("--deformable", "v2", "--landmark-weight", "0", "--dense", DENSE), (96.413, 95.864, 91.276, 51.492)),
    ("+ DCN + L_pts + L_pixel", ("--deformable", "v2", "--landmark-weight", "0.1", "--dense", DENSE),
     (96.942, 96.175, 91.857, 52.318)),
)


def train(args, out, flags, seed):
    if list(out.glob("checkpoint-*")):  # one that ended takes no more steps
        command = ["--resume", str(out)]
    else:
        data = args.shared / "data"
        command = ["--data", str(data / "wider/train"), "--data", str(data / "mtfl_mosaic"), "--out", str(out),
                   "--init", str(args.shared / "weights/mobilenetV1X0.25_pretrain.tar"), "--freeze", "0",
                   "--epochs", str(args.epochs), "--size", str(args.size), "--batch", "16", "--schedule", "cosine",
                   "--warm-up", "0.5", "--ema", "0.99", "--box-weight", "0.5", "--clip", "10", "--crop", "0.35,1",
                   "--min-face", "7", "--positive-iou", "0.4", "--seed", str(seed), "--cache-mb", "4000", *flags]
    subprocess.run([args.program, "train", *command, "--validate-every", "0", "--log-every", "50", "-q"], check=True)


def evaluate(args, out):
    """AP easy, medium, hard at IoU 0.5, and hard's mean over IoU 0.50 .. 0.95, which the paper calls mAP."""
    text = subprocess.run([args.program, "eval", "wider", "--data", str(args.shared / "data/wider/val"),
                           "--model", str(out / "last.safetensors")], check=True, capture_output=True, text=True).stdout
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.startswith(("easy", "medium", "hard"))}
    return [float(rows[name][0]) for name in ("easy", "medium", "hard")] + [float(rows["hard"][10])]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--shared", type=pathlib.Path, default=pathlib.Path("../shared"))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/table3"))
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--rows", default="0,1,2,3,4", help="numbers of the rows, from 0")
    args = parser.parse_args()
    seeds = [int(seed) for seed in args.seeds.split(",")]
    rows = [int(row) for row in args.rows.split(",")]
    found = {ROWS[index][0]: [] for index in rows}
    for seed in seeds:  # all rows of a seed first: a table with fewer seeds is a table too
        for index in rows:
            name, flags, _ = ROWS[index]
            out = args.out / f"{index}-{seed}"
            train(args, out, flags, seed)
            found[name].append(evaluate(args, out))
            print(f"seed {seed}, {name}: {found[name][-1]}", flush=True)
    print("\n| | easy | medium | hard | mAP | paper: easy | medium | hard | mAP |\n|---|---|---|---|---|---|---|---|---|")
    for name, _, paper in (ROWS[index] for index in rows):
        cells = [f"{statistics.mean(values):.2f} ({max(values) - min(values):.2f})" for values in zip(*found[name])]
        print(f"| {name} | " + " | ".join(cells) + " | " + " | ".join(map(str, paper)) + " |")


main()
