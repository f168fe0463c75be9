"""The HTML around the figures: one file, no request to anywhere."""

from __future__ import annotations

STYLE = """
:root { --ink: #1f2933; --soft: #52606d; --line: #d9dee3; --accent: #0072B2; --alarm: #b3380a; --paper: #fff; }
* { box-sizing: border-box; }
body { margin: 0; background: #f4f6f8; color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI",
  Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 8px 0 4px; }
h2 { font-size: 1.2rem; margin: 0 0 2px; overflow-wrap: anywhere; }
p { margin: 4px 0 12px; }
.soft { color: var(--soft); font-size: .9rem; }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 16px; margin: 16px 0; }
.facts { display: flex; flex-wrap: wrap; gap: 8px 32px; margin: 0; padding: 0; list-style: none; }
.facts b { display: block; font-size: 1.3rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.facts span { color: var(--soft); font-size: .85rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td { overflow-wrap: anywhere; }
table.recordings td:first-child { overflow-wrap: break-word; }
table.recordings td:nth-child(3) { min-width: 8em; }
a { color: var(--accent); }
.claim { font-weight: 600; }
.alarm { color: var(--alarm); font-weight: 600; }
.verdict { font-size: 1.02rem; }
.figure { width: 100%; min-height: 240px; margin-top: 12px; }
ul.plain { margin: 4px 0; padding-left: 20px; }
@media (max-width: 640px) {
  main { padding: 12px 8px 48px; }
  .card { padding: 12px 10px; border-radius: 6px; }
  table.recordings thead { display: none; }
  table.recordings tr { display: block; padding: 8px 0; border-bottom: 1px solid var(--line); }
  table.recordings td { display: block; border: 0; padding: 1px 0; text-align: left; white-space: normal; }
  table.recordings td.n::before { content: attr(data-label) " "; color: var(--soft); }
}
@media print {
  body { background: #fff; font-size: 11pt; }
  main { max-width: none; padding: 0; }
  .card { border: 0; padding: 0; margin: 0 0 16pt; }
  .figure { break-inside: avoid; min-height: 0; margin-top: 4pt; }
  section.asset { break-before: page; }
  tr { break-inside: avoid; }
  a { color: inherit; text-decoration: none; }
}
"""

#: Figures are drawn when they come into view, so that a page of a hundred recordings opens at once.
BEHAVIOR = """
const options = {displayModeBar: false, responsive: true};
function draw(box) {
  if (box.dataset.drawn) return;
  box.dataset.drawn = "1";
  const figure = JSON.parse(document.getElementById(box.dataset.figure).textContent);
  Plotly.newPlot(box, figure.data, figure.layout, options);
}
const boxes = Array.from(document.querySelectorAll(".figure"));
if (window.matchMedia("print").matches || !("IntersectionObserver" in window)) boxes.forEach(draw);
else {
  const watch = new IntersectionObserver(seen => seen.forEach(e => { if (e.isIntersecting) draw(e.target); }),
    {rootMargin: "600px"});
  boxes.forEach(box => watch.observe(box));
}
window.addEventListener("beforeprint", () => boxes.forEach(box => {
  draw(box);
  box.dataset.height = box.layout.height;
  Plotly.relayout(box, {width: 680, height: 225});
}));
window.addEventListener("afterprint", () => boxes.forEach(box =>
  Plotly.relayout(box, {width: null, height: Number(box.dataset.height), autosize: true})));
"""

#: Forbids every request, also those that a future plotting library might make.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)

READING = """
<section class="card"><h2>How to read this</h2>
<ul class="plain">
<li>An <b>interval</b> in brackets holds the true value with the stated probability. The value before it is the
median.</li>
<li><b>Not resolvable, below x</b>: speed, sample rate and noise do not let the data tell the value; it lies between
zero and x. In the figures such a window is a hollow triangle at x; a filled one at the upper edge means that x lies
beyond the axis.</li>
<li>The <b>band</b> is what all windows up to then tell together, as tracked along time; alarms are judged on it. A
dotted line across marks a step: a repair, a new sensor.</li>
<li>The <b>floor</b>, a dashed line, is the smallest value that speed and sample rate can resolve at all.</li>
<li>A fault is named when more than half of the windows that can be used resolve it.</li>
</ul></section>
"""
