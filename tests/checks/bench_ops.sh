#!/bin/bash
# bench_ops runs kernels of every kind, a row each with times and rates that fit together, and refuses a filter that lets none
# pass.
# bench_ops.sh PROGRAM
set -euo pipefail
program=$1
for row in 'depthwise 3x3 256' 'conv2d 3x3 3 to 8' 'winograd 3x3 16 to 16' 'conv2d_grad_input 3x3 64 to 64, 40x30' \
    'conv2d_grad_weight 1x1 32 to 64' 'linear [1, 512]' 'matmul [256' 'max_pool2d 3x3' 'upsample_nearest to 80x60 [1, 64' \
    'permute to NHWC' 'softmax [12600' 'softmax_cross' 'smooth_l1 [' 'relu [1, 64, 60' 'add [1, 64, 60' 'sum of a' \
    'batch_norm_grad' 'resize_bilinear' 'resize of a picture' 'mesh decoder' 'rasterize + shade and' 'soft_rasterize and'; do
  "$program" --ms 0 --filter "$row" | grep "^| ${row%% *}.* |$" > /dev/null || { echo "no row of $row" >&2; exit 1; }
done
# Of a 1x1 layer with 8 to 16 channels on 320x240: 19.66 MFLOP, 7.37 MB.
"$program" --isa scalar --threads 1 --ms 0 --filter 'conv2d 1x1 8 to 16' | awk -F'|' '
  $2 ~ /conv2d/ { ++rows; ms = $4; gflops = $6; gb = $7
    if (ms < $5 || gflops * ms < 18 || gflops * ms > 21.5 || gb * ms < 5 || gb * ms > 9.5) { print; exit 1 } }
  END { exit rows != 1 }' || { echo "another row than 1x1 8 to 16, or numbers that do not fit" >&2; exit 1; }
code=0
"$program" --filter 'no such kernel' > /dev/null 2>&1 || code=$?
[ "$code" -eq 2 ] || { echo "exit code $code for a filter that lets nothing pass" >&2; exit 1; }
