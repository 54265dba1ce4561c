// The style sheet of line_chart's figures. It uses the variables --ink, --muted, --grid, --plate
// and
// --line1 to --line4.
#pragma once

namespace rf {

inline constexpr const char* kChartStyle =
    R"(.chart { margin: 0; padding: 12px 0 4px; min-width: 0; break-inside: avoid; }
.chart figcaption { display: flex; flex-wrap: wrap; gap: 2px 16px; min-height: 22px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; color: var(--muted); font-size: 13px; }
.legend b { color: var(--ink); font-variant-numeric: tabular-nums; }
.swatch { width: 28px; height: 12px; margin-right: 5px; }
.plot { display: block; width: calc(100% - 80px); height: 220px; margin: 10px 24px 44px 56px;
  overflow: visible; }
.plot svg { overflow: visible; }
.plot text { font-size: 12px; font-variant-numeric: tabular-nums; }
.tick { fill: var(--muted); }
.mark { fill: var(--ink); font-weight: 600; stroke: var(--plate); stroke-width: 4px;
  paint-order: stroke; }
.grid { stroke: var(--grid); }
.axis { stroke: var(--muted); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round;
  vector-effect: non-scaling-stroke; }
.band { stroke-width: 1; stroke-linejoin: round; opacity: 0.25; vector-effect: non-scaling-stroke; }
.dot { stroke: var(--plate); }
.ring { fill: none; stroke-width: 2; }
.series1 { stroke: var(--line1); }
.series2 { stroke: var(--line2); }
.series3 { stroke: var(--line3); }
.series4 { stroke: var(--line4); }
.band.series1, .dot.series1 { fill: var(--line1); }
.band.series2, .dot.series2 { fill: var(--line2); }
.band.series3, .dot.series3 { fill: var(--line3); }
.band.series4, .dot.series4 { fill: var(--line4); }
.dot.series1, .dot.series2, .dot.series3, .dot.series4 { stroke: var(--plate); }
.line.series2 { stroke-dasharray: 8 6; }
.line.series3 { stroke-dasharray: 1 5; }
.line.series4 { stroke-dasharray: 10 5 1 5; }
.line.lone { stroke-width: 7; stroke-dasharray: none; }
.nothing { color: var(--muted); margin: 8px 0; }
)";

}  // namespace rf
