"""One of our model files as ONNX, for one size of picture: the same network and weights for other runtimes.

    python3 bench/peers/export_onnx.py MODEL.safetensors WIDTH HEIGHT OUT.onnx      (Debian: python3-onnx)

Input "image" [1, 3, H, W], mean taken off; outputs "box" [1, A, 4], "score" [1, A, 2] after softmax, "landmark"
[1, A, 10]. Batch norm stays a node of its own: folding it is the runtime's task, as it is ours.
"""
import itertools
import json
import struct
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

MOBILENET = (("stage1", (1, 2, 1, 2, 1)), ("stage2", (2, 1, 1, 1, 1, 1)), ("stage3", (2, 1)))  # strides


def read_model(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    config = json.loads(header.pop("__metadata__")["retinaface"])
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = numpy.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
    return config, tensors


class Graph:
    def __init__(self, config, tensors):
        self.tensors, self.nodes, self.constants = tensors, [], {}
        self.backbone, self.neck = config["arch"]["backbone"], config["arch"]["neck"]

    def constant(self, name, values):
        self.constants[name] = numpy_helper.from_array(numpy.ascontiguousarray(values), name)
        return name

    def node(self, kind, inputs, **attributes):
        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

    def conv(self, x, name, stride=1):
        weight = self.tensors[f"{name}.weight"]
        groups, pad = 1, weight.shape[2] // 2
        if ".depthwise." in name:
            groups = weight.shape[0]
        inputs = [x] + [self.constant(f"{name}.{part}", self.tensors[f"{name}.{part}"])
                        for part in ("weight", "bias") if f"{name}.{part}" in self.tensors]
        return self.node("Conv", inputs, kernel_shape=weight.shape[2:], strides=[stride] * 2, pads=[pad] * 4, group=groups)

    def activation(self, x, style):
        slope = style["activation"].get("slope", 0)
        return self.node("LeakyRelu", [x], alpha=slope) if slope else self.node("Relu", [x])

    def block(self, x, name, style, stride=1, linear=False):
        y = self.conv(x, f"{name}.conv", stride)
        norm = [self.constant(f"{name}.bn.{part}", self.tensors[f"{name}.bn.{part}"])
                for part in ("weight", "bias", "running_mean", "running_var")]
        y = self.node("BatchNormalization", [y, *norm], epsilon=style["bn_eps"])
        return y if linear else self.activation(y, style)

    def features(self, x):
        return self.resnet(x) if self.backbone["name"].startswith("resnet") else self.mobilenet(x)

    def resnet(self, x):
        x = self.block(x, "backbone.stem", self.backbone, 2)
        x = self.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
        levels = []
        for stage in range(1, 5):
            for index in itertools.count():
                name = f"backbone.layer{stage}.{index}"
                if f"{name}.conv1.conv.weight" not in self.tensors:
                    break
                stride = 2 if stage > 1 and index == 0 else 1
                y = self.block(x, f"{name}.conv1", self.backbone)
                y = self.block(y, f"{name}.conv2", self.backbone, stride)
                y = self.block(y, f"{name}.conv3", self.backbone, linear=True)
                if f"{name}.downsample.conv.weight" in self.tensors:
                    x = self.block(x, f"{name}.downsample", self.backbone, stride, linear=True)
                x = self.activation(self.node("Add", [y, x]), self.backbone)
            levels.append(x)
        return levels[1:]

    def mobilenet(self, x):
        levels = []
        for stage, strides in MOBILENET:
            start = 0
            if stage == "stage1":
                x, start = self.block(x, "backbone.stage1.0", self.backbone, 2), 1
            for index, stride in enumerate(strides, start):
                name = f"backbone.{stage}.{index}"
                x = self.block(x, f"{name}.depthwise", self.backbone, stride)
                x = self.block(x, f"{name}.pointwise", self.backbone)
            levels.append(x)
        return levels

    def pyramid(self, levels, sizes):
        outputs = [None] * len(levels)
        for level in reversed(range(len(levels))):
            y = self.block(levels[level], f"fpn.lateral.{level}", self.neck)
            if level + 1 < len(levels):
                size = self.constant(f"size.{level}", numpy.array([1, self.neck["channels"], *sizes[level]], "int64"))
                above = self.node("Resize", [outputs[level + 1], "", "", size], mode="nearest",
                                  coordinate_transformation_mode="asymmetric", nearest_mode="floor")
                y = self.block(self.node("Add", [y, above]), f"fpn.merge.{level}", self.neck)
            outputs[level] = y
        return outputs

    def context(self, x, level):
        name = f"context.{level}"
        shared = self.block(x, f"{name}.conv5x5_1", self.neck)
        parts = [self.block(x, f"{name}.conv3x3", self.neck, linear=True),
                 self.block(shared, f"{name}.conv5x5_2", self.neck, linear=True),
                 self.block(self.block(shared, f"{name}.conv7x7_2", self.neck), f"{name}.conv7x7_3", self.neck,
                            linear=True)]
        return self.node("Relu", [self.node("Concat", parts, axis=1)])

    def head(self, features, kind, values):
        shape = self.constant(f"rows.{kind}", numpy.array([1, -1, values], "int64"))
        rows = [self.node("Reshape", [self.node("Transpose", [self.conv(x, f"heads.{kind}.{level}")],
                                                perm=[0, 2, 3, 1]), shape]) for level, x in enumerate(features)]
        return self.node("Concat", rows, axis=1)


def export(path, width, height, out):
    config, tensors = read_model(path)
    if (config["arch"]["backbone"]["name"] not in ("mobilenet0.25", "resnet50", "resnet101", "resnet152")
            or config["arch"]["heads"] != "per_level"):
        sys.exit(f"{path}: only mobilenet0.25 and ResNets of bottlenecks, with a head for each level")
    graph = Graph(config, tensors)
    sizes = [(-(-height // s), -(-width // s)) for s in (8, 16, 32)]
    levels = graph.pyramid(graph.features("image"), sizes)
    features = [graph.context(x, level) for level, x in enumerate(levels)]
    results = {kind: graph.head(features, kind, values) for kind, values in (("box", 4), ("cls", 2), ("landmark", 10))}
    results["cls"] = graph.node("Softmax", [results["cls"]], axis=2)
    names = {results["box"]: "box", results["cls"]: "score", results["landmark"]: "landmark"}
    for node in graph.nodes:
        node.output[0] = names.get(node.output[0], node.output[0])
    def value(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    model = helper.make_model(helper.make_graph(
        graph.nodes, "retinaface", [value("image", [1, 3, height, width])],
        [value("box", [1, "A", 4]), value("score", [1, "A", 2]), value("landmark", [1, "A", 10])],
        list(graph.constants.values())), opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    onnx.checker.check_model(model)
    onnx.save(model, out)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    export(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
