"""The frame of a report: HTML and CSS without any script, in code so that its digest counts."""

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #57606a; --line: #d8dee4;
  --paper: #ffffff; --card: #f6f8fa; --link: #0550ae; --good: #1a7f37; --bad: #b35900;
  --alarm: #b42318; --alarm-paper: #fff1f0; --rim: transparent; --measure: 76rem; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9da7b3; --line: #343b45; --paper: #0f141a; --card: #181e26;
    --link: #79b8ff; --rim: #8b949e; --good: #56d364; --bad: #f0a04b;
    --alarm: #ff8a80; --alarm-paper: #2d1716; }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.55;
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial,
    sans-serif; }
.frame { max-width: var(--measure); margin: 0 auto; padding: 2.5rem 1.5rem 5rem; }
main { min-width: 0; max-width: 60rem; }
h1, h2, h3 { line-height: 1.2; letter-spacing: -0.012em; text-wrap: balance; }
h1 { font-size: clamp(1.8rem, 1.3rem + 2vw, 2.5rem); margin: 0 0 0.6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.4rem; margin: 3.2rem 0 0.9rem; padding-top: 1.2rem;
  border-top: 1px solid var(--line); scroll-margin-top: 0.5rem; }
h3 { font-size: 1.05rem; margin: 2rem 0 0.5rem; scroll-margin-top: 1rem; }
p, ul, dl { margin: 0.6rem 0; } a { color: var(--link); }
.kicker { color: var(--soft); font-size: 0.85rem; letter-spacing: 0.06em;
  text-transform: uppercase; margin: 0 0 0.4rem; }
.lead { font-size: 1.12rem; color: var(--soft); max-width: 44rem; overflow-wrap: anywhere; }
.note { color: var(--soft); font-size: 0.9rem; max-width: 48rem; }
nav { font-size: 0.92rem; }
nav ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap;
  gap: 0.2rem 1.1rem; }
nav a { color: var(--soft); text-decoration: none; } nav a:hover { color: var(--link); }
.frame > nav { padding-bottom: 1.2rem; margin-bottom: 1.6rem;
  border-bottom: 1px solid var(--line); }
@media (min-width: 74rem) {
  .frame { display: grid; grid-template-columns: 10rem minmax(0, 60rem); column-gap: 3rem; }
  .frame > nav { position: sticky; top: 2.5rem; align-self: start; border: 0; padding: 0.4rem 0; }
  nav ul { flex-direction: column; gap: 0.45rem; }
}
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr));
  gap: 0.9rem 2rem; margin: 1.6rem 0; }
.facts dt { color: var(--soft); font-size: 0.82rem; } .facts dd { margin: 0; }
.wide { overflow-x: auto; margin: 1rem 0; -webkit-overflow-scrolling: touch; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums;
  min-width: 100%; }
th, td { text-align: right; padding: 0.45rem 0.6rem; border-bottom: 1px solid var(--line);
  white-space: nowrap; vertical-align: baseline; }
th { font-weight: 600; } thead th { vertical-align: bottom; border-bottom-color: var(--soft); }
th:first-child, td:first-child, .left { text-align: left; }
th:first-child { padding-left: 0.15rem; }
tbody th { position: sticky; left: 0; background: var(--paper); }
td[title] { cursor: help; }
.floor td, .floor th { color: var(--soft); border-bottom-color: var(--soft); }
.half { color: var(--soft); font-size: 0.86em; } .unit { display: block; font-weight: 400;
  color: var(--soft); font-size: 0.75rem; }
.good { color: var(--good); } .bad, .mixed { color: var(--bad); } .alarm { color: var(--alarm); }
.swatch { display: inline-block; width: 0.7em; height: 0.7em; border-radius: 50%;
  margin-right: 0.5em; box-shadow: 0 0 0 1px var(--rim);
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.findings { list-style: none; padding: 0; max-width: 50rem; }
.findings li { padding: 0.4rem 0 0.4rem 1.8rem; position: relative; overflow-wrap: anywhere; }
.findings .mark { position: absolute; left: 0.1rem; font-weight: 700; }
.findings .box { background: var(--alarm-paper); border-radius: 6px; padding-left: 2.2rem;
  margin: 0.5rem 0; } .findings .box .mark { left: 0.7rem; }
figure { margin: 1.4rem 0 2.4rem; }
.card { max-width: 54rem; padding: 0.7rem; overflow-x: auto; background: #ffffff;
  border: 1px solid var(--line); border-radius: 8px; }
.card svg { display: block; width: 100%; height: auto; min-width: 33rem; }
figcaption { color: var(--soft); font-size: 0.9rem; margin-top: 0.6rem; max-width: 48rem; }
details { margin: 0.8rem 0; border: 1px solid var(--line); border-radius: 8px; }
summary { cursor: pointer; padding: 0.55rem 0.9rem; font-weight: 600; font-size: 0.95rem; }
details[open] > summary { border-bottom: 1px solid var(--line); }
details > div { padding: 0.2rem 0.9rem 0.6rem; }
pre, code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono",
  monospace; font-size: 0.86rem; }
pre { background: var(--card); border-radius: 8px; padding: 0.9rem 1rem; overflow-x: auto;
  line-height: 1.5; margin: 0.8rem 0; }
.sets { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr));
  gap: 0.4rem 2.5rem; } .sets h3 { margin: 1.2rem 0 0.4rem; }
.samples { margin: 0; padding: 0 0 0 2rem; font-variant-numeric: tabular-nums;
  font-size: 0.95rem; } .samples li { padding: 0.12rem 0; overflow-wrap: anywhere; }
.samples li::marker { color: var(--soft); font-size: 0.8em; }
.glossary dt { font-weight: 600; margin-top: 0.7rem; } .glossary dd { margin: 0; }
.glossary dt span { font-weight: 400; color: var(--soft); font-size: 0.88rem; }
.words { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; }
.long, .words, .glossary { overflow-wrap: anywhere; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line);
  color: var(--soft); font-size: 0.85rem; }
@media (max-width: 40rem) { .frame { padding: 1.4rem 1rem 3rem; } h2 { margin-top: 2.4rem; }
  .card { padding: 0.4rem; } th, td { padding: 0.4rem 0.5rem; } }
@media print {
  :root { --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --card: #f4f4f4; --link: #000; }
  body { font-size: 10pt; } .frame { display: block; padding: 0; max-width: none; }
  nav { display: none; } .wide, .card, pre { overflow: visible; }
  .card { border: 0; padding: 0; } .card svg { min-width: 0; } pre { white-space: pre-wrap; }
  figure, tr, .findings li { break-inside: avoid; } h2, h3 { break-after: avoid; }
  table { font-size: 7.5pt; } th, td { padding: 0.25rem 0.35rem; }
  .signature { white-space: normal; }
}
"""

PAGE = """\
{%- macro name(method) -%}
<span class="swatch" style="background: {{ colours.get(method, '#8c959f') }}"></span>{{ method }}
{%- endmacro -%}
{%- macro explained(entries) -%}
<dl class="glossary">
{%- for column in entries %}
<dt>{{ column.name }} {{ column.sign }} <span>{{ column.unit }}{{ ', ' if column.unit }}\
{{ column.better }}</span></dt>
<dd>{{ column.meaning }}</dd>
{%- endfor %}
</dl>
{%- endmacro -%}
{%- macro figure(drawing) -%}
<h3 id="{{ drawing.name }}">{{ drawing.title }}</h3>
<figure>
<div class="card" role="img" aria-label="{{ drawing.alt }}" tabindex="0">{{ drawing.svg }}</div>
<figcaption>{{ drawing.caption }}</figcaption>
</figure>
{%- endmacro -%}
{%- macro texts(columns, rows) -%}
<div class="wide"><table>
<thead><tr>
{%- for column in columns %}<th scope="col">{{ column }}</th>{% endfor %}</tr></thead>
<tbody>
{%- for row in rows %}
<tr><th scope="row"><bdi>{{ row[0] }}</bdi></th>
{%- for cell in row[1:] %}<td>{{ cell }}</td>{% endfor %}</tr>
{%- endfor %}
</tbody></table></div>
{%- endmacro -%}
{%- macro heading(section) -%}
<h2 id="{{ section.id }}">{{ section.title }}</h2>
{%- endmacro -%}
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ experiment }} · SeqGAN report</title>
<link rel="icon" href="data:,">
<style>{{ style }}</style>
</head>
<body>
<div class="frame">
<nav aria-label="Contents"><ul>
{%- for section in sections.values() %}
<li><a href="#{{ section.id }}">{{ section.title }}</a></li>
{%- endfor %}
</ul></nav>
<main>
<header>
<p class="kicker">SeqGAN experiment</p>
<h1>{{ experiment }}</h1>
{%- if description %}
<p class="lead">{{ description }}</p>
{%- endif %}
<dl class="facts">
{%- for label, text in facts %}
<div><dt>{{ label }}</dt><dd>{{ text }}</dd></div>
{%- endfor %}
</dl>
</header>

{{ heading(sections.findings) }}
<p class="note">Said by rule from the numbers below: a method differs from the baseline where the
95% interval of the difference, paired by seed, excludes 0.</p>
<ul class="findings">
{%- for finding in findings %}
<li class="{{ 'box' if finding.tone == 'alarm' }}"><span class="mark {{ finding.tone }}" \
aria-hidden="true">{{ marks[finding.tone] }}</span>{{ finding.text }}</li>
{%- endfor %}
</ul>

{{ heading(sections.scores) }}
{%- for table in tables %}
<div class="wide"><table>
<thead><tr><th scope="col">method</th>
{%- for column in table.columns %}
<th scope="col" title="{{ column.meaning }}">{{ column.name }} \
<span title="{{ column.better }}">{{ column.sign }}</span><span class="unit">{{ column.unit }}\
</span></th>
{%- endfor %}</tr></thead>
<tbody>
{%- for row in table.rows %}
<tr{% if row.method == 'real' %} class="floor"{% endif %}>
<th scope="row">{{ name(row.method) }}</th>
{%- for cell in row.cells %}
<td{% if cell.signature %} title="{{ cell.signature }}"{% endif %}>{{ cell.mean }}
{%- if cell.half %} <span class="half">± {{ cell.half }}</span>{% endif %}</td>
{%- endfor %}</tr>
{%- endfor %}
</tbody></table></div>
{%- endfor %}
<p class="note">{{ table_note }}</p>

{% if paired %}
<h3 id="differences">Differences from {{ baseline }}</h3>
<div class="wide"><table>
<thead><tr><th scope="col">method</th>
{%- for column in columns %}
<th scope="col">{{ column.name }} {{ column.sign }}</th>
{%- endfor %}</tr></thead>
<tbody>
{%- for row in paired %}
<tr><th scope="row">{{ name(row.method) }}</th>
{%- for cell in row.cells %}
<td{% if cell.signature %} title="{{ cell.signature }}"{% endif %}>
{%- if cell.mark %}<span class="{{ cell.tone }}">{{ cell.mark }}</span> {% endif %}{{ cell.mean }}
{%- if cell.range %}<span class="unit">{{ cell.range }}</span>{% endif %}</td>
{%- endfor %}</tr>
{%- endfor %}
</tbody></table></div>
<p class="note">{{ paired_note }}</p>
{% endif %}

<h3 id="metrics">What the metrics say</h3>
{{ explained(glossary) }}
{%- if more %}
<details><summary>And all the others</summary><div>{{ explained(more) }}</div></details>
{%- endif %}
<details><summary>All metrics of all methods, with their signatures</summary><div class="wide">
<table>
<thead><tr><th scope="col">method</th><th scope="col" class="left">metric</th>
<th scope="col">mean</th><th scope="col">95% interval</th><th scope="col">deviation</th>
<th scope="col">seeds</th><th scope="col">gap to real</th><th scope="col">difference</th>
<th scope="col">95% interval</th><th scope="col">Hedges' g</th>
<th scope="col" title="paired t-test, adjusted within the family of metrics">p (Holm)</th>
<th scope="col" title="exact sign-flip test">p (exact)</th>
<th scope="col" class="left">signature</th></tr></thead>
<tbody>
{%- for cell in everything %}
<tr><th scope="row">{{ name(cell.method) }}</th><td class="left">{{ cell.metric }}</td>
<td>{{ cell.mean }}</td><td>{{ cell.interval }}</td><td>{{ cell.deviation }}</td>
<td>{{ cell.seeds }}</td><td>{{ cell.gap }}</td><td>{{ cell.difference }}</td>
<td>{{ cell.difference_interval }}</td><td>{{ cell.effect }}</td><td>{{ cell.holm }}</td>
<td>{{ cell.permutation }}</td>
<td class="left signature"><code>{{ cell.signature }}</code></td></tr>
{%- endfor %}
</tbody></table></div></details>

{% if drawings %}
{{ heading(sections.figures) }}
{%- for drawing in drawings %}
{{ figure(drawing) }}
{%- endfor %}
{% endif %}

{% if samples %}
{{ heading(sections.samples) }}
<p class="note">{{ samples_note }}</p>
<div class="sets">
{%- for method, sentences in samples %}
<div><h3>{{ name(method) }}</h3>
<ol class="samples">
{%- for sentence in sentences %}
<li><bdi>{{ sentence }}</bdi></li>
{%- endfor %}
</ol></div>
{%- endfor %}
</div>
{% endif %}

{% if corpus %}
{{ heading(sections.corpus) }}
<p class="note">{{ corpus.verdict }}</p>
<ul class="findings">
{%- for warning in corpus.warnings %}
<li class="box"><span class="mark alarm" aria-hidden="true">!</span><bdi>{{ warning }}</bdi></li>
{%- else %}
<li><span class="mark good" aria-hidden="true">✓</span>Nothing to warn of was found.</li>
{%- endfor %}
</ul>
{%- if corpus.source %}
<dl class="facts">
{%- for label, text in corpus.source %}
<div><dt>{{ label }}</dt><dd class="long"><bdi>{{ text }}</bdi></dd></div>
{%- endfor %}
</dl>
{%- endif %}
{%- for table in corpus.tables %}
<h3 id="{{ table.id }}">{{ table.title }}</h3>
{{ texts(table.columns, table.rows) }}
<p class="note">{{ table.note }}</p>
{%- endfor %}
<h3 id="corpus-left-out">Left out</h3>
{%- if corpus.left_out.rows %}
{{ texts(["why", "lines", "share"], corpus.left_out.rows) }}
{%- endif %}
<p class="note">{{ "Of" if corpus.left_out.rows else "Nothing of" }} {{ corpus.left_out.lines }}
lines that were read.</p>
{%- for drawing in corpus_drawings %}
{{ figure(drawing) }}
{%- endfor %}
<h3 id="corpus-words">Most frequent words</h3>
<p class="words">
{%- for word, count in corpus.most_frequent %}
<span><bdi>{{ word }}</bdi> <span class="half">{{ count }}</span></span>
{%- endfor %}
</p>
{%- if corpus.pairs %}
<details><summary>Closest pairs of held-out and training sentences</summary><div>
<p class="note">{{ corpus.pairs_note }}</p>
<dl class="glossary">
{%- for pair in corpus.pairs %}
<dt><bdi>{{ pair.text }}</bdi> <span>{{ pair.split }}, similarity {{ pair.similarity }}</span></dt>
<dd><bdi>{{ pair.training_text }}</bdi></dd>
{%- endfor %}
</dl></div></details>
{%- endif %}
{% endif %}

{{ heading(sections.provenance) }}
<dl class="facts">
{%- for label, text in origin %}
<div><dt>{{ label }}</dt><dd>{{ text }}</dd></div>
{%- endfor %}
</dl>
{% if stages %}
<div class="wide"><table>
<thead><tr><th scope="col">stage</th><th scope="col">jobs</th><th scope="col">time, all jobs</th>
<th scope="col">longest</th><th scope="col">peak memory</th></tr></thead>
<tbody>
{%- for stage in stages %}
<tr><th scope="row">{{ stage.name }}</th><td>{{ stage.jobs }}</td><td>{{ stage.total }}</td>
<td>{{ stage.longest }}</td><td>{{ stage.memory }}</td></tr>
{%- endfor %}
</tbody></table></div>
<details><summary>Every job</summary><div class="wide"><table>
<thead><tr><th scope="col">job</th><th scope="col">seed</th><th scope="col">time</th>
<th scope="col">memory</th><th scope="col" class="left">device</th><th scope="col">threads</th>
<th scope="col" class="left">commit</th><th scope="col" class="left">versions</th></tr></thead>
<tbody>
{%- for job in jobs %}
<tr><th scope="row">{{ job.name }}</th><td>{{ job.seed }}</td><td>{{ job.time }}</td>
<td>{{ job.memory }}</td><td class="left">{{ job.device }}</td><td>{{ job.threads }}</td>
<td class="left">{{ job.commit }}</td><td class="left signature">{{ job.versions }}</td></tr>
{%- endfor %}
</tbody></table></div></details>
{% endif %}

{{ heading(sections.reproduction) }}
<p>{{ reproduction }}</p>
<pre><code>{{ command }}</code></pre>
<details><summary>config/{{ experiment }}.yaml</summary><div>
<pre><code>{{ configuration }}</code></pre></div></details>
<details><summary>Settings of each method</summary><div>
{%- for method, text in methods %}
<h3>{{ name(method) }}</h3>
<pre><code>{{ text }}</code></pre>
{%- endfor %}
</div></details>
<footer>Figures and tables were made from files whose digests are in the receipts of this
experiment. This page loads nothing from the network.</footer>
</main>
</div>
</body>
</html>
"""
