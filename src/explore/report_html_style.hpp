// The look of the HTML page and what little it does when clicked.
#pragma once

#include "sync/build.hpp"

namespace belay::inline BELAY_BUILD::explore {

inline constexpr const char* page_style = R"css(
:root { color-scheme: light dark;
  --paper: #fbfbfa; --panel: #ffffff; --ink: #1d2129; --soft: #626b79; --line: #dfe2e7; --rule: #eceef1;
  --red: #c62d2d; --red-soft: #fdeeee; --amber: #b86e00; --amber-soft: #fff5e2; --accent: #2c5fb3;
  --code: #f4f5f7; --hit: #fff0c9; --select: #e9f0fc;
  --allocated: #a5adba; --dispatched: #5b8def; --queued: #2aa3a3; --armed: #3f9b4a;
  --cancelling: #e09a1b; --completed: #8759c7; --freed: #5f6875; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #15181d; --panel: #1c2027; --ink: #e4e7ec; --soft: #98a1ae; --line: #343a44; --rule: #272c34;
  --red: #ff7b72; --red-soft: #35201f; --amber: #f0b04f; --amber-soft: #33291a; --accent: #83abf2;
  --code: #20252c; --hit: #4b3f1d; --select: #232d3f;
  --allocated: #6c7683; --dispatched: #5b8def; --queued: #35b5b5; --armed: #52b35e;
  --cancelling: #e7a734; --completed: #a27be0; --freed: #828c99; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1440px; margin: 0 auto; padding: 28px 32px 8px; }
h1 { font-size: 22px; line-height: 1.35; margin: 6px 0 4px; }
h2 { font-size: 13px; letter-spacing: .06em; text-transform: uppercase; color: var(--soft); margin: 0 0 8px; }
code, pre, .mono { font-family: ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace; font-size: 13px; }
.badge { display: inline-block; background: var(--red); color: var(--panel); font-weight: 650; border-radius: 4px;
  padding: 1px 9px; margin-right: 8px; font-size: 13px; }
.place { color: var(--soft); }
.grid { display: grid; grid-template-columns: minmax(0, 1.15fr) minmax(0, 1fr); gap: 16px; margin: 20px 0; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 16px 18px; }
.card p { margin: 0 0 10px; } .card p:last-child { margin: 0; }
.stop { border-left: 4px solid var(--red); }
.legend { display: flex; flex-wrap: wrap; gap: 6px 16px; font-size: 13px; color: var(--soft); margin: 0 0 12px; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 5px; vertical-align: -1px; }
.scroll { overflow-x: auto; }
svg { display: block; } svg text { fill: var(--ink); font-size: 13px; }
svg .mono { font-size: 12.5px; } svg .soft { fill: var(--soft); } svg .name { font-weight: 600; }
svg .lane { stroke: var(--line); stroke-width: 2; } svg .flow { fill: none; stroke: var(--soft); stroke-width: 1.3; opacity: .55; }
svg .flow.jump { stroke: var(--amber); stroke-width: 2.4; opacity: 1; }
svg .band { fill: transparent; cursor: pointer; } svg g.row:hover .band { fill: var(--rule); }
svg g.row.on .band { fill: var(--select); } svg g.row.jump .band { fill: var(--amber-soft); }
svg g.row.jump.on .band { fill: var(--select); } svg g.row.last .band { fill: var(--red-soft); }
svg .dot { fill: var(--panel); stroke: var(--accent); stroke-width: 2.4; }
svg .last .dot { fill: var(--red); stroke: var(--red); } svg .last .label { fill: var(--red); font-weight: 650; }
svg g.mark, svg .flow { pointer-events: none; } svg .lock { fill: var(--accent); opacity: .26; } svg .bolt { fill: var(--amber); }
svg .rest { stroke: var(--line); stroke-dasharray: 2 4; }
.allocated { fill: var(--allocated); background: var(--allocated); } .dispatched { fill: var(--dispatched); background: var(--dispatched); }
.queued { fill: var(--queued); background: var(--queued); } .armed { fill: var(--armed); background: var(--armed); }
.cancelling { fill: var(--cancelling); background: var(--cancelling); } .completed { fill: var(--completed); background: var(--completed); }
.freed { fill: var(--freed); background: var(--freed); }
.code { background: var(--code); border-radius: 6px; padding: 8px 0; margin: 0; overflow-x: auto; line-height: 1.5; }
.code span { display: block; padding: 0 14px; white-space: pre; } .code b { display: inline-block; width: 44px; color: var(--soft);
  font-weight: 400; user-select: none; } .code .hit { background: var(--hit); }
#source { position: sticky; bottom: 0; background: var(--panel); border: 1px solid var(--line); border-bottom: 0;
  border-radius: 10px 10px 0 0; box-shadow: 0 -6px 24px rgb(0 0 0 / .10); padding: 10px 16px 12px; margin: 16px 0 0; }
#source .head { display: flex; gap: 14px; align-items: baseline; margin-bottom: 6px; font-size: 14px; }
#source .head .keys { margin-left: auto; color: var(--soft); font-size: 12px; }
#source .snippet { display: none; } #source .snippet.on { display: block; }
table { border-collapse: collapse; font-size: 14px; } td { padding: 2px 14px 2px 0; vertical-align: top; } td:first-child { color: var(--soft); white-space: nowrap; }
ol.stack { margin: 0; padding-left: 20px; font-size: 14px; } footer { color: var(--soft); font-size: 12.5px; padding: 14px 0 20px; }
kbd { border: 1px solid var(--line); border-radius: 4px; padding: 0 5px; font-size: 11px; }
@media (max-width: 900px) { .grid { grid-template-columns: 1fr; } main { padding: 16px; } }
)css";

inline constexpr const char* page_script = R"js(
const rows = [...document.querySelectorAll('g.row')];
let at = rows.length - 1;
function show(i, scroll) {
  if (i < 0 || i >= rows.length) return;
  at = i;
  rows.forEach((r, n) => r.classList.toggle('on', n === i));
  document.querySelectorAll('.snippet').forEach(s => s.classList.toggle('on', s.id === rows[i].dataset.snippet));
  document.getElementById('what').textContent = rows[i].dataset.what;
  if (scroll) rows[i].scrollIntoView({ block: 'center' });
}
rows.forEach((r, n) => r.addEventListener('click', () => show(n, false)));
addEventListener('keydown', e => {
  const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[e.key];
  if (by) { e.preventDefault(); show(at + by, true); }
});
show(at, false);
)js";

}  // namespace belay::inline BELAY_BUILD::explore
