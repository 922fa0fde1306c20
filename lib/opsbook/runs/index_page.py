"""The index page's frame, its style and its one small script; the page is whole without the script."""

PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{style_hash}'; \
script-src 'sha256-{script_hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
<script>{script}</script>
</body>
</html>
"""

STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--muted:#666;--good:#1b7a3d;--warn:#8a5a00;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--muted:#aaa;--good:#7ad39a;--warn:#f0c069;--bad:#ff9b92}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:84rem;padding:1rem;
font:16px/1.5 system-ui,"Noto Sans SC","PingFang SC","Microsoft YaHei",sans-serif}
h1{margin:.5rem 0 0;font-size:1.6rem}
h2{margin:2rem 0 .5rem;font-size:1.1rem;overflow-wrap:anywhere}
header p{margin:.25rem 0 1rem;color:var(--muted)}
.search{display:flex;gap:.75rem;align-items:center}
.search[hidden]{display:none}
.search input{flex:1;min-width:0;max-width:30rem;padding:.5rem .75rem;font:inherit;
border:1px solid var(--line);border-radius:.4rem}
table{width:100%;border-collapse:collapse}
th,td{padding:.4rem .6rem;text-align:left;vertical-align:top;
border-bottom:1px solid var(--line);overflow-wrap:break-word}
th{font-weight:600;color:var(--muted);font-size:.85rem}
[data-name]{min-width:4rem}
.good,.warn,.bad,.neutral,.unknown{display:inline-block;
padding:0 .45rem;border:1px solid;border-radius:.4rem;font-size:.8rem}
.good{color:var(--good)}.warn{color:var(--warn)}.bad,.failure{color:var(--bad)}.neutral,.unknown{color:var(--muted)}
.failure{margin:.25rem 0 0}.failure a{color:inherit}
@media(min-width:64rem){td:nth-child(2),td:nth-child(3),td:nth-child(5){white-space:nowrap}}
@media(max-width:40rem){td{overflow-wrap:anywhere}thead{display:none}
tr{display:block;padding:.5rem 0;border-bottom:1px solid var(--line)}
tr[hidden]{display:none}td{display:flex;gap:.5rem;border:0;padding:.1rem 0;flex-wrap:wrap}
td::before{content:attr(data-name);flex:0 0 6rem;color:var(--muted)}}
@media print{.search{display:none}}
"""

SCRIPT = """
"use strict";
const box = document.getElementById("search"), none = document.getElementById("none");
const rows = [...document.querySelectorAll("tbody tr")], sections = [...document.querySelectorAll("section")];
box.parentElement.hidden = rows.length === 0;
box.addEventListener("input", () => {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  rows.forEach(row => { row.hidden = !words.every(word => row.dataset.words.includes(word)); });
  sections.forEach(section => { section.hidden = !section.querySelector("tbody tr:not([hidden])"); });
  if (none) none.hidden = rows.some(row => !row.hidden);
});
"""
