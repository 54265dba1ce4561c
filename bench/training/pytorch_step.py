"""Times training steps of the light detector in PyTorch: the peer of bench/training/step.cpp, same work, same flags.

    python3 bench/training/pytorch_step.py --batch 8 --size 640 --threads 2 --steps 5 [--channels-last]

Prints one line of JSON: seconds per image of each step (after one step that is not counted) and the peak memory of the
process in MB.
"""
import argparse
import json
import resource
import time

import torch
import torch.nn.functional as F
from torch import nn


def block(inputs, outputs, kernel=3, stride=1, groups=1, slope=0.1):
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([] if slope is None else [nn.LeakyReLU(slope, inplace=True)]))


def separable(inputs, outputs, stride):
    return nn.Sequential(block(inputs, inputs, 3, stride, inputs), block(inputs, outputs, 1))


class Context(nn.Module):
    def __init__(self):
        super().__init__()
        self.c3 = block(64, 32, slope=None)
        self.c5a, self.c5b = block(64, 16), block(16, 16, slope=None)
        self.c7a, self.c7b = block(16, 16), block(16, 16, slope=None)

    def forward(self, x):
        shared = self.c5a(x)
        return F.relu(torch.cat([self.c3(x), self.c5b(shared), self.c7b(self.c7a(shared))], 1), inplace=True)


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [[(16, 1), (32, 2), (32, 1), (64, 2), (64, 1)], [(128, 2)] + [(128, 1)] * 5, [(256, 2), (256, 1)]]
        channels, stages = 8, []
        for stage in widths:
            blocks = [] if stages else [block(3, 8, 3, 2)]
            for width, stride in stage:
                blocks.append(separable(channels, width, stride))
                channels = width
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.lateral = nn.ModuleList(block(c, 64, 1) for c in (64, 128, 256))
        self.merge = nn.ModuleList(block(64, 64) for _ in range(2))
        self.context = nn.ModuleList(Context() for _ in range(3))
        self.heads = nn.ModuleList(nn.ModuleList(nn.Conv2d(64, 2 * n, 1) for _ in range(3)) for n in (2, 4, 10))

    def forward(self, x):
        levels = []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        p = [lateral(level) for lateral, level in zip(self.lateral, levels)]
        p[1] = self.merge[1](p[1] + F.interpolate(p[2], size=p[1].shape[2:], mode="nearest"))
        p[0] = self.merge[0](p[0] + F.interpolate(p[1], size=p[0].shape[2:], mode="nearest"))
        p = [context(level) for context, level in zip(self.context, p)]
        read = lambda heads, n: torch.cat([h(l).permute(0, 2, 3, 1).reshape(l.shape[0], -1, n) for h, l in zip(heads, p)], 1)
        return [read(heads, n) for heads, n in zip(self.heads, (2, 4, 10))]


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("batch", 8), ("size", 640), ("threads", 2), ("steps", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--channels-last", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    net = Detector().train()
    x = torch.randn(args.batch, 3, args.size, args.size)
    if args.channels_last:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)
    anchors = net(x[:1])[0].shape[1]
    label = torch.randint(0, 2, (args.batch * anchors,))
    box, landmark = torch.randn(args.batch, anchors, 4), torch.randn(args.batch, anchors, 10)
    seconds = []
    for _ in range(args.steps + 1):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        cls, boxes, landmarks = net(x)
        loss = (F.cross_entropy(cls.reshape(-1, 2), label) + 0.25 * F.smooth_l1_loss(boxes, box) +
                0.1 * F.smooth_l1_loss(landmarks, landmark))
        loss.backward()
        optimizer.step()
        seconds.append((time.perf_counter() - start) / args.batch)
    print(json.dumps({"seconds_per_image": [round(s, 5) for s in seconds[1:]],
                      "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}))


main()
