"""Compares two folders of WIDER detection files (name, count, then x y w h score), both ways.

    python3 bench/accuracy/compare_detections.py OURS GOLDEN LIST [--truncated OUT]

Corners of OURS are truncated to whole pixels first, as the published files are: x = int(x1), w = int(x2) - int(x1);
--truncated OUT writes those files, to be evaluated. Prints, for detections above score 0.1 of each side, the share that
has a partner on the other side with IoU of at least 0.85 and a score within 0.03.
"""
import pathlib
import sys


def read(path):
    rows = [tuple(map(float, line.split())) for line in path.read_text().splitlines()[2:]]
    return [r for r in rows if len(r) == 5]


def truncated(row):
    x1, y1, x2, y2 = int(row[0]), int(row[1]), int(row[0] + row[2]), int(row[1] + row[3])
    return (x1, y1, x2 - x1, y2 - y1, row[4])


def iou(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]) + 1
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]) + 1
    if w <= 0 or h <= 0:
        return 0
    area = lambda r: (r[2] + 1) * (r[3] + 1)
    return w * h / (area(a) + area(b) - w * h)


def share(rows, others):
    strong = [r for r in rows if r[4] > 0.1]
    return len(strong), sum(any(abs(r[4] - o[4]) <= 0.03 and iou(r, o) >= 0.85 for o in others) for r in strong)


def main():
    ours, golden, names = (pathlib.Path(p) for p in sys.argv[1:4])
    out = pathlib.Path(sys.argv[5]) if len(sys.argv) == 6 and sys.argv[4] == "--truncated" else None
    totals = [0, 0, 0, 0]
    for name in names.read_text().split():
        file = pathlib.Path(name).with_suffix(".txt")
        a, b = [truncated(r) for r in read(ours / file)], read(golden / file)
        totals = [t + n for t, n in zip(totals, share(a, b) + share(b, a))]
        if out:
            (out / file).parent.mkdir(parents=True, exist_ok=True)
            lines = [file.stem, str(len(a))] + ["%d %d %d %d %.6f" % r for r in a]
            (out / file).write_text("\n".join(lines) + "\n")
    print(f"ours with a partner: {totals[1]} of {totals[0]} ({100 * totals[1] / max(totals[0], 1):.2f} %)")
    print(f"golden with a partner: {totals[3]} of {totals[2]} ({100 * totals[3] / max(totals[2], 1):.2f} %)")


main()
