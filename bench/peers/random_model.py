"""A model file with random weights, for benchmarks of networks of which no weights are at hand.

    python3 bench/peers/random_model.py resnet50|resnet152 OUT.safetensors

The public RetinaFace of three levels (weights/name_maps/pytorch_resnet50.json) on that backbone. Weights are normal with
He's variance, and the batch norms are those of training: a residual branch ends in a small gamma, so that values stay of
one size through all blocks.
"""
import hashlib
import json
import math
import pathlib
import struct
import sys

import numpy

MAPS = pathlib.Path(__file__).resolve().parents[2] / "weights/name_maps"


def rows_of(table):
    """A table's rows; one with a count stands for so many, in which [first, step] counts on."""
    for row in table:
        for at in range(row.get("count", 1)):
            yield {key: value[0] + at * value[1] if isinstance(value, list) else value for key, value in row.items()}


def entries(layout, member=None):
    """Names and shapes of our tensors."""
    tables = {**layout["tables"], **(member["tables"] if member else {})}
    for rule in layout["tensors"]:
        rows = [{}]
        for table in rule.get("each", ()):
            rows = [{**row, **more} for row in rows for more in rows_of(tables[table])]
        for row in rows:
            yield rule["to"].format(**row), [int(str(size).format(**row)) for size in rule["shape"]]


def values(name, shape, random):
    if name.endswith(("running_var", "bn.weight")):
        return numpy.full(shape, 0.2 if ".conv3.bn.w" in name else 1, "<f4")
    if len(shape) == 1:
        return numpy.zeros(shape, "<f4")
    return random.standard_normal(shape, "<f4") * numpy.float32(math.sqrt(2 / math.prod(shape[1:])))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    backbone, out = sys.argv[1:]
    detector = json.loads((MAPS / "pytorch_resnet50.json").read_text())
    body = json.loads((MAPS / "pytorch_resnet_bottleneck.json").read_text())
    members = {member["backbone"]: member for member in body["members"]}
    if backbone not in members:
        sys.exit(f"{backbone}: one of {', '.join(members)}")
    shapes = dict(entries(body, members[backbone]))
    shapes.update((name, shape) for name, shape in entries(detector) if not name.startswith("backbone."))
    random = numpy.random.default_rng(0)
    header, chunks, begin = {}, [], 0
    for name in sorted(shapes):
        chunks.append(values(name, shapes[name], random).tobytes())
        header[name] = {"dtype": "F32", "shape": shapes[name], "data_offsets": [begin, begin + len(chunks[-1])]}
        begin += len(chunks[-1])
    data = b"".join(chunks)
    description = detector["description"]
    description["arch"]["backbone"]["name"] = backbone
    description.update(name=f"{backbone}, random weights", licence="none needed: random numbers",
                       provenance="bench/peers/random_model.py", sha256=hashlib.sha256(data).hexdigest())
    head = json.dumps({"__metadata__": {"retinaface": json.dumps(description)}, **header}).encode()
    head += b" " * (-len(head) % 8)
    pathlib.Path(out).write_bytes(struct.pack("<Q", len(head)) + head + data)


main()
