// The style sheet of the training report, beside that of its charts (line_chart.hpp).
#pragma once

namespace rf {

inline constexpr const char* kReportStyle = R"(:root { color-scheme: light dark;
  --page: #f3f4f6; --plate: #ffffff; --ink: #16181d; --muted: #5a616e; --grid: #e3e6eb;
  --line1: #0067b0; --line2: #c24e00; --line3: #00805e; --line4: #a03a86; }
@media (prefers-color-scheme: dark) { :root {
  --page: #111317; --plate: #1b1e24; --ink: #eceef2; --muted: #a2a9b6; --grid: #30353f;
  --line1: #5ab4f5; --line2: #ff9f55; --line3: #45d6a6; --line4: #ee9ad3; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 20px 16px 40px; max-width: 1360px; background: var(--page);
  color: var(--ink); font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Helvetica, Arial,
  sans-serif; overflow-wrap: anywhere; -webkit-text-size-adjust: 100%; }
h1 { margin: 0; font-size: 24px; line-height: 1.2; }
h2 { margin: 0 0 4px; font-size: 17px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 14px; margin: 0 4px 16px; }
.status { padding: 1px 10px; border: 1.5px solid currentColor; border-radius: 99px; font-weight: 600;
  font-size: 14px; }
.running { color: var(--line1); }
.finished { color: var(--line3); }
.stopped { color: var(--line2); }
section { margin: 0 0 16px; padding: 14px 18px; background: var(--plate); border-radius: 10px; }
p { margin: 0 0 8px; }
.note { color: var(--muted); font-size: 13px; }
.tiles { display: grid; gap: 14px 18px; padding-bottom: 16px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 150px), 1fr)); }
.tile b { display: block; font-size: 26px; line-height: 1.25; font-weight: 650;
  font-variant-numeric: tabular-nums; }
.tile b small { font-size: 15px; font-weight: 500; color: var(--muted); }
.tile span { display: block; color: var(--muted); font-size: 13px; }
.charts { display: grid; gap: 4px 28px; align-items: start; }
.large { grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); }
.small { align-items: end; grid-template-columns: repeat(auto-fit, minmax(min(100%, 270px), 1fr)); }
.small .plot { height: 150px; }

.samples { columns: 3 340px; column-gap: 16px; }
.misses { display: grid; gap: 14px; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }
.pictures figure { margin: 0; padding: 4px 0 10px; min-width: 0; break-inside: avoid; }
.pictures img { display: block; height: auto; border-radius: 6px; }
.samples img { max-width: 100%; max-height: 420px; width: auto; }
.misses img { width: 100%; }
.pictures figcaption { padding-top: 4px; font-size: 13px; color: var(--muted); }
.pictures figcaption b { display: block; color: var(--ink); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 14px 3px 0; text-align: right; font-weight: 400; }
thead th { color: var(--muted); font-size: 13px; border-bottom: 1px solid var(--grid); }
.best { font-weight: 650; }
dl { margin: 0; columns: 3 300px; column-gap: 32px; }
dl div { display: flex; justify-content: space-between; gap: 4px 14px; padding: 3px 0;
  border-bottom: 1px solid var(--grid); break-inside: avoid; }
dt { color: var(--muted); flex: none; max-width: 50%; }
dd { margin: 0; text-align: right; min-width: 0; }
ul { margin: 0; padding-left: 20px; }
@media (max-width: 1040px) { .tiles { grid-template-columns: repeat(3, 1fr); } }
@media (max-width: 520px) {
  body { padding: 14px 8px 24px; }
  section { padding: 12px; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .misses { grid-template-columns: 1fr 1fr; }
}
@media print {
  :root { color-scheme: light; --page: #fff; --plate: #fff; --ink: #000; --muted: #444;
    --grid: #ccc; --line1: #0067b0; --line2: #c24e00; --line3: #00805e; --line4: #a03a86; }
  body { max-width: none; padding: 0; font-size: 11pt; }
  section { padding: 0; }
}
)";

}  // namespace rf
