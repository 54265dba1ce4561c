// Times a network in ONNX Runtime: one JSON line; milliseconds of session.run after warm-up.
//   node onnx_runtime.mjs MODEL.onnx WIDTH HEIGHT THREADS RUNS     (needs onnxruntime-node beside it, or in NODE_PATH)
import {createRequire} from 'node:module';

const ort = createRequire(process.cwd() + '/')('onnxruntime-node');
const [model, width, height, threads, runs] = process.argv.slice(2);
const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: Number(threads), interOpNumThreads: 1, graphOptimizationLevel: 'all', executionMode: 'sequential'});
const pixels = new Float32Array(3 * width * height).map((_, i) => (i * 2654435761) % 256 - 110);
const feeds = {[session.inputNames[0]]: new ort.Tensor('float32', pixels, [1, 3, Number(height), Number(width)])};
for (let i = 0; i < 3; ++i) await session.run(feeds);
const times = [];
for (let i = 0; i < runs; ++i) {
  const start = process.hrtime.bigint();
  await session.run(feeds);
  times.push(Number(process.hrtime.bigint() - start) / 1e6);
}
times.sort((a, b) => a - b);
console.log(JSON.stringify({
  network_ms: times[times.length >> 1], network_min: times[0], peak_memory_mb: process.resourceUsage().maxRSS / 1024}));
