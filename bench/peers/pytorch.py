"""Times a network in PyTorch, which is libtorch behind Python: one JSON line; milliseconds after warm-up.

    python3 pytorch.py MODEL.onnx WIDTH HEIGHT THREADS RUNS        (Debian: python3-torch python3-onnx)

The nodes of export_onnx.py become a traced module, which is then frozen and optimised for inference: batch norm goes
into the convolutions.
"""
import sys

import onnx
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper

from timing import picture, report


class Network(torch.nn.Module):
    def __init__(self, graph):
        super().__init__()
        self.nodes, self.outputs = graph.node, [value.name for value in graph.output]
        self.sizes = {}
        for tensor in graph.initializer:
            value = torch.tensor(numpy_helper.to_array(tensor))
            if value.dtype == torch.float32:
                self.register_buffer(tensor.name.replace(".", "/"), value)
            else:
                self.sizes[tensor.name] = value.tolist()

    def forward(self, image):
        values = {"image": image}

        def apply(node):
            named = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            x = [values[name] if name in values else self.sizes.get(name) or getattr(self, name.replace(".", "/"))
                 for name in node.input if name]
            if node.op_type == "Conv":
                return F.conv2d(*x, *[None] * (3 - len(x)), named["strides"], named["pads"][:2], 1, named["group"])
            if node.op_type == "BatchNormalization":
                return F.batch_norm(x[0], x[3], x[4], x[1], x[2], False, 0, named["epsilon"])
            if node.op_type == "Resize":
                return F.interpolate(x[0], size=x[1][2:], mode="nearest")
            if node.op_type == "Concat":
                return torch.cat(x, named["axis"])
            return {"LeakyRelu": lambda: F.leaky_relu(x[0], named["alpha"]), "Relu": lambda: F.relu(x[0]),
                    "Add": lambda: x[0] + x[1], "Transpose": lambda: x[0].permute(*named["perm"]),
                    "Reshape": lambda: x[0].reshape(x[1]), "Softmax": lambda: F.softmax(x[0], named["axis"])}[node.op_type]()

        for node in self.nodes:
            values[node.output[0]] = apply(node)
        return tuple(values[name] for name in self.outputs)


def main():
    model, width, height, threads, runs = sys.argv[1], *map(int, sys.argv[2:])
    torch.set_num_threads(threads)
    pixels = torch.from_numpy(picture(width, height))
    with torch.inference_mode():
        traced = torch.jit.trace(Network(onnx.load(model).graph).eval(), pixels)
        network = torch.jit.optimize_for_inference(torch.jit.freeze(traced))
        report(lambda: network(pixels), runs)


main()
