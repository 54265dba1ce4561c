"""Times a network in OpenCV's dnn module: one JSON line; milliseconds of forward after warm-up.

    python3 opencv.py MODEL.onnx WIDTH HEIGHT THREADS RUNS        (Debian: python3-opencv)
"""
import sys

import cv2

from timing import picture, report


def main():
    model, width, height, threads, runs = sys.argv[1], *map(int, sys.argv[2:])
    cv2.setNumThreads(threads)
    network = cv2.dnn.readNetFromONNX(model)
    outputs = network.getUnconnectedOutLayersNames()
    pixels = picture(width, height)

    def run():
        network.setInput(pixels)
        network.forward(outputs)

    report(run, runs)


main()
