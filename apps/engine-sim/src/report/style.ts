import { chartLibrary } from './page-script.js';

const LIGHT = `
  color-scheme: light;
  --paper: #f6f7f9; --card: #ffffff; --ink: #1a1f26; --muted: #55606e; --border: #d5dae1; --grid: #e6e9ee; --focus: #0a58ca;
  --good: #0b6b45; --bad: #b42318; --good-wash: #e3f4ec; --bad-wash: #fdeaea; --warn: #8a5300; --warn-wash: #fdf2dc; --live-wash: #e4eefc;
  --line-0: #0b5cad; --line-1: #c2500b; --line-2: #0b7a5c; --line-3: #8f3fa8; --line-4: #6b5b00; --line-5: #b3125c;
  --prepared: #aab4c0; --active: #e08a1e; --sealed: #5aa9d6; --persisted: #0b5cad; --compressed: #7a3f9d;`;
const DARK = `
  color-scheme: dark;
  --paper: #0e1217; --card: #171d25; --ink: #e8ecf1; --muted: #a3afbd; --border: #303a47; --grid: #26303b; --focus: #7db7ff;
  --good: #5bd6a0; --bad: #ff8f85; --good-wash: #123126; --bad-wash: #3b1a1a; --warn: #f2bd5c; --warn-wash: #33270f; --live-wash: #14263f;
  --line-0: #6cb2ff; --line-1: #ff9f5a; --line-2: #4fd6ad; --line-3: #d99bf0; --line-4: #e3d15c; --line-5: #ff86b4;
  --prepared: #66717f; --active: #f2a541; --sealed: #8fd0f2; --persisted: #4c97ea; --compressed: #b57edc;`;

/**
 * The style sheet of both pages. Text has a contrast of 4.5 at least on what it lies on, lines and bars of 3; the colours
 * of lines differ in lightness, too, for eyes that do not tell red from green.
 */
export function pageStyle(): string {
  return `${chartLibrary('css')}
:root {${LIGHT}
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
@media (prefers-color-scheme: dark) { :root:not([data-theme="light"]):not([data-paper]) {${DARK} } }
:root[data-theme="dark"]:not([data-paper]) {${DARK} }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--paper); color: var(--ink); }
main, header.page, footer { max-width: 1280px; margin: 0 auto; padding: 0 20px; }
header.page { padding-top: 20px; }
header.page .line { display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: center; }
h1 { font-size: 22px; line-height: 1.25; margin: 0; flex: 1 1 auto; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 32px 0 12px; }
h3 { font-size: 14px; font-weight: 600; margin: 0 0 8px; }
p { margin: 0 0 8px; } .quiet, footer { color: var(--muted); font-size: 13px; overflow-wrap: anywhere; }
footer { padding-top: 24px; padding-bottom: 32px; }
button { font: inherit; font-size: 14px; color: var(--ink); background: var(--card); border: 1px solid var(--border); border-radius: 7px; padding: 5px 12px; min-height: 34px; cursor: pointer; }
button:hover { border-color: var(--muted); }
button[aria-pressed="true"] { background: var(--ink); color: var(--card); border-color: var(--ink); }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
.group { display: inline-flex; } .group button { border-radius: 0; margin-left: -1px; } .group button:first-child { border-radius: 7px 0 0 7px; margin-left: 0; } .group button:last-child { border-radius: 0 7px 7px 0; }
.grid { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; }
.card { background: var(--card); border: 1px solid var(--border); border-radius: 10px; padding: 14px 16px; min-width: 0; margin: 0; }
.card.wide { grid-column: 1 / -1; }
.card figcaption { font-size: 14px; font-weight: 600; margin-bottom: 8px; } .card figcaption small { display: block; font-weight: 400; font-size: 13px; color: var(--muted); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: 10px; margin: 16px 0; }
.tiles div { background: var(--card); border: 1px solid var(--border); border-radius: 10px; padding: 8px 12px; }
.tiles dt { font-size: 12px; color: var(--muted); } .tiles dd { margin: 0; font-size: 20px; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tiles dd[data-bad="true"] { color: var(--bad); }
.banner { display: flex; flex-wrap: wrap; gap: 4px 12px; border-radius: 10px; border: 1px solid var(--border); border-left: 6px solid var(--muted); background: var(--card); padding: 8px 14px; margin: 14px 0; }
.banner b { text-transform: capitalize; } .banner span { overflow-wrap: anywhere; }
.banner[data-state="recording"], .banner[data-state="measuring"] { border-left-color: var(--line-0); background: var(--live-wash); }
.banner[data-state="dead"], .banner[data-sound="false"] { border-left-color: var(--bad); background: var(--bad-wash); } .banner[data-state="dead"] b, .banner[data-sound="false"] b { color: var(--bad); }
.banner[data-state="recovering"] { border-left-color: var(--warn); background: var(--warn-wash); }
.banner[data-state="ended"], .banner[data-sound="true"] { border-left-color: var(--good); background: var(--good-wash); }
.badge { font-size: 13px; border-radius: 999px; padding: 2px 10px; border: 1px solid var(--border); color: var(--muted); background: var(--card); }
.badge[data-connection="live"] { color: var(--good); border-color: var(--good); } .badge[data-connection="lost"] { color: var(--bad); border-color: var(--bad); background: var(--bad-wash); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
.data { width: 100%; } .data caption { text-align: left; font-weight: 600; padding-bottom: 6px; }
.data th, .data td { text-align: right; padding: 5px 10px; border-bottom: 1px solid var(--border); white-space: nowrap; }
.data th:first-child, .data td:first-child, .data .text { text-align: left; } .data td.text { white-space: normal; overflow-wrap: anywhere; }
.words th:first-child { width: 1%; min-width: 190px; padding-right: 24px; } .data tbody th { font-weight: 500; }
.data thead th { color: var(--muted); font-weight: 600; font-size: 13px; }
.data tr[data-lost="true"] td { color: var(--bad); font-weight: 600; }
.incidents td:last-child, .incidents th:last-child, .incidents td:nth-child(2), .incidents th:nth-child(2) { text-align: left; } .incidents td:last-child { white-space: normal; min-width: 15em; }
.incidents tr.killed td:nth-child(2) { color: var(--bad); } .incidents tr.recovered td:nth-child(2) { color: var(--good); }
.uplot { width: 100%; } .u-legend { font-size: 13px; text-align: left; } .u-legend .u-marker { width: 20px; height: 0; border-width: 3px 0 0 !important; background: none !important; } .u-series:first-child .u-marker { display: none !important; } .u-legend th { font-weight: 500; border-radius: 4px; } .u-legend .u-value { color: var(--muted); font-variant-numeric: tabular-nums; min-width: 52px; } 
.u-select { background: transparent; }
.empty { position: relative; } .empty::after { content: "nothing measured yet"; position: absolute; inset: 0 0 30px; display: grid; place-items: center; color: var(--muted); font-size: 13px; pointer-events: none; }
.u-over:focus-visible { outline-offset: -2px; }
.states { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 0 0 8px; padding: 0; font-size: 13px; }
.state::before { content: ""; display: inline-block; width: 14px; height: 10px; border-radius: 2px; margin-right: 6px; background: currentColor; }
${['prepared', 'active', 'sealed', 'persisted', 'compressed'].map((state) => `.state.${state}::before { background: var(--${state}); }`).join(' ')}
.timeline { display: block; max-width: 100%; } .readout { min-height: 1.5em; margin: 4px 0 0; font-size: 13px; color: var(--muted); font-variant-numeric: tabular-nums; }
@media (max-width: 760px) {
  main, header.page, footer { padding-left: 12px; padding-right: 12px; }
  .grid { grid-template-columns: minmax(0, 1fr); } .card { padding: 12px 10px; } h1 { font-size: 19px; }
  header.page .line { gap: 8px 6px; } button { padding: 5px 8px; }
  .tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 8px; } .tiles div { padding: 6px 8px; } .tiles dd { font-size: 17px; }
}
@media print {
  :root:root:root:root {${LIGHT} --paper: #ffffff; font-size: 12px; }
  @page { margin: 14mm; }
  button, .readout, .badge, .u-value, .u-series:first-child { display: none !important; } .u-series th::after { content: "" !important; }
  body { background: #ffffff; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main, header.page, footer { max-width: none; padding: 0; } .grid { display: block; }
  .card { border: 0; padding: 0; margin: 0 0 14px; break-inside: avoid; } .card.wide { break-inside: auto; } h2 { break-after: avoid; } tr { break-inside: avoid; } .scroll { overflow: visible; }
}
`;
}
