"""The frame of a rating form: one page without network or server, in code for its digest."""

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #57606a; --line: #d0d7de;
  --paper: #f6f8fa; --card: #ffffff; --accent: #0550ae; --on-accent: #ffffff;
  --wash: #e8f0fb; --warn: #953800; --warn-paper: #fff4e5; --shade: 0 1px 3px #1f232814; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9da7b3; --line: #3a424d; --paper: #0f141a; --card: #181e26;
    --accent: #79b8ff; --on-accent: #0b1420; --wash: #1b2a3d; --warn: #f0a04b;
    --warn-paper: #2b2013; --shade: none; }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; min-height: 100vh; min-height: 100dvh; display: flex; flex-direction: column;
  background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI",
    Roboto, "Helvetica Neue", Arial, sans-serif; }
header, main, footer { width: 100%; max-width: 52rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 1rem; }
.bar { display: flex; align-items: center; gap: 1rem; }
.bar p { margin: 0; flex: 1; color: var(--soft); font-size: 0.92rem;
  font-variant-numeric: tabular-nums; }
.bar strong { color: var(--ink); font-weight: 600; }
progress { display: block; width: 100%; height: 0.4rem; margin: 0.7rem 0 0; border: 0;
  border-radius: 1rem; overflow: hidden; background: var(--line); appearance: none; }
progress::-webkit-progress-bar { background: var(--line); }
progress::-webkit-progress-value { background: var(--accent); border-radius: 1rem;
  transition: width 0.2s; }
progress::-moz-progress-bar { background: var(--accent); }
main { flex: 1; padding-top: 1.5rem; padding-bottom: 1.5rem; }
h1 { font-size: clamp(1.6rem, 1.2rem + 2vw, 2.1rem); line-height: 1.2; letter-spacing: -0.012em;
  margin: 0.5rem 0 1rem; text-wrap: balance; }
h2 { font-size: 1.05rem; margin: 1.6rem 0 0.4rem; }
h1:focus, .texts:focus { outline: none; }
.texts:focus-visible .card { border-color: var(--accent); }
.texts { display: grid; gap: 1rem; margin-bottom: 1.6rem; }
.card { display: flex; flex-direction: column; justify-content: center; margin: 0;
  min-height: 8rem; padding: 1.4rem 1.6rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shade); }
.card h2 { margin: 0 0 0.5rem; color: var(--soft); font-size: 0.82rem; font-weight: 600; }
.card p { margin: 0; font: clamp(1.25rem, 1.05rem + 1vw, 1.6rem)/1.45 ui-serif, Charter, Georgia,
    Cambria, "Noto Serif", serif; overflow-wrap: anywhere; white-space: pre-wrap; }
.pairs .card { justify-content: flex-start; }
.pairs .card p { font-size: clamp(1.15rem, 1rem + 0.8vw, 1.4rem); }
fieldset { border: 0; margin: 0 0 1.3rem; padding: 0; min-width: 0; }
legend { padding: 0; margin-bottom: 0.5rem; }
legend b { margin-right: 0.5rem; } legend span { color: var(--soft); }
.answers { display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; gap: 0.5rem; }
.answers label { position: relative; cursor: pointer; }
.answers input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0;
  cursor: pointer; }
.pill { display: flex; flex-direction: column; align-items: center; justify-content: center;
  height: 100%; min-height: 3.4rem; padding: 0.35rem 0.2rem; text-align: center;
  background: var(--card); border: 1.5px solid var(--line); border-radius: 10px;
  transition: background 0.12s, border-color 0.12s; }
.pill b { font-size: 1.05rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.pill span { font-size: 0.8rem; line-height: 1.2; color: var(--soft); }
label:hover .pill { border-color: var(--accent); background: var(--wash); }
input:checked + .pill { background: var(--accent); border-color: var(--accent);
  color: var(--on-accent); }
input:checked + .pill span { color: inherit; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 8px; }
input:focus-visible + .pill { outline: 3px solid var(--accent); outline-offset: 2px; }
.hint { margin: 0.35rem 0 0; min-height: 1.3em; font-size: 0.86rem; color: var(--soft); }
.words .pill { flex-direction: row; gap: 0.5rem; }
.words .pill b { font-weight: 600; }
kbd { font: 0.78rem/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  padding: 0.05rem 0.35rem; border: 1px solid var(--line); border-bottom-width: 2px;
  border-radius: 5px; color: var(--soft); background: var(--card); }
input:checked + .pill kbd { background: transparent; border-color: currentColor; color: inherit; }
.comment label { display: block; margin-bottom: 0.3rem; color: var(--soft); font-size: 0.92rem; }
textarea { width: 100%; min-height: 2.7rem; padding: 0.55rem 0.7rem; font: inherit;
  resize: vertical; color: inherit; background: var(--card); border: 1.5px solid var(--line);
  border-radius: 10px; }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: 0.45rem 1.2rem;
  color: var(--ink); background: var(--card); border: 1.5px solid var(--line);
  border-radius: 10px; cursor: pointer; }
button:hover { border-color: var(--accent); }
button:disabled { opacity: 0.45; cursor: default; }
button.strong { color: var(--on-accent); background: var(--accent); border-color: var(--accent); }
.bar button { min-height: 2.3rem; padding: 0.25rem 0.9rem; font-size: 0.9rem; }
.steps { display: flex; justify-content: space-between; gap: 1rem; margin-top: 1.4rem; }
.steps button { min-width: 8rem; }
footer { padding-bottom: 1.2rem; color: var(--soft); font-size: 0.86rem; }
footer p { margin: 0; }
.anchors { width: 100%; border-collapse: collapse; background: var(--card); border-radius: 10px;
  border: 1px solid var(--line); border-spacing: 0; border-collapse: separate; }
.anchors th, .anchors td { text-align: left; padding: 0.4rem 0.8rem; vertical-align: baseline;
  border-top: 1px solid var(--line); }
.anchors tr:first-child > * { border-top: 0; }
.anchors th { white-space: nowrap; width: 8.5rem; font-weight: 600; }
.anchors th kbd { margin-right: 0.5rem; }
.note { padding: 0.7rem 1rem; border-radius: 10px; background: var(--wash); }
.note.warn { color: var(--warn); background: var(--warn-paper); }
.missing { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 1rem 0 1.6rem; padding: 0;
  list-style: none; }
.missing button { min-width: 3rem; padding: 0.3rem 0.6rem; font-variant-numeric: tabular-nums; }
.aside { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
.phone { display: none; }
@media (min-width: 40rem) { .pairs .texts { grid-template-columns: 1fr 1fr; } }
@media (max-width: 39.99rem) {
  header, main, footer { padding-left: 1rem; padding-right: 1rem; }
  main { padding-top: 1rem; } .texts { margin-bottom: 1.1rem; }
  .card { min-height: 6rem; padding: 1rem 1.1rem; } fieldset { margin-bottom: 0.8rem; }
  .answers { gap: 0.35rem; } .pill { min-height: 3.1rem; } .pill span { font-size: 0.68rem; }
  .keys, .pill kbd { display: none; } .phone { display: inline; } .steps button { flex: 1; }
  .anchors th { width: 7rem; padding-right: 0.2rem; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
@media (forced-colors: active) { input:checked + .pill { outline: 3px solid Highlight; } }
"""

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'sha256-{{ script_hash }}'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{{ title }} · {{ rater }}</title>
<link rel="icon" href="data:,">
<style>{{ style }}</style>
</head>
<body class="{{ task }}">
<header>
<div class="bar"><p id="place" aria-live="polite"></p>
<button type="button" id="finish">Save ratings</button></div>
<progress id="progress" value="0" max="{{ count }}" aria-label="{{ things }} answered"></progress>
</header>
<main>
<noscript><p class="note warn">This form needs JavaScript; it runs in your browser alone and sends \
nothing. Without it, fill in the CSV sheet instead.</p></noscript>
<p class="note warn" id="forgetful" hidden>This browser keeps no answers between visits (a private \
window?). Save your ratings before you close this page.</p>
<section id="start" hidden aria-labelledby="start-title">
<h1 id="start-title" tabindex="-1">{{ title }}</h1>
<p class="note" id="welcome" hidden></p>
<ul>
{%- for line in advice %}
<li>{{ line }}</li>
{%- endfor %}
</ul>
{%- for question in questions %}
<h2>{{ question.title }}</h2>
<p>{{ question.prompt }}</p>
<table class="anchors"><tbody>
{%- for answer in question.answers %}
<tr><th scope="row"><kbd>{{ answer.key }}</kbd>{{ answer.name }}</th>\
<td>{{ answer.anchor }}</td></tr>
{%- endfor %}
</tbody></table>
{%- endfor %}
<p>Your answers stay on this device, and are kept when you close the page. When you are done, \
<b>Save ratings</b> makes a file that you send back.</p>
<p class="keys">By keyboard: the keys above answer, <kbd>Enter</kbd> or <kbd>→</kbd> goes on, \
<kbd>←</kbd> back, <kbd>Backspace</kbd> takes back the last answer, <kbd>c</kbd> opens the \
comment, <kbd>Esc</kbd> leaves it.</p>
<div class="steps"><button type="button" class="strong" id="begin">Begin</button></div>
</section>
<section id="item" hidden aria-label="{{ thing }}">
<div class="texts" id="texts" tabindex="-1">
{%- for side in sides %}
<article class="card">{% if side %}<h2>{{ side.name }}\
<span class="phone"> ({{ side.phone }})</span></h2>{% endif %}\
<p dir="auto"><bdi class="text" lang=""></bdi></p></article>
{%- endfor %}
</div>
{%- for question in questions %}
<fieldset data-column="{{ question.column }}">
<legend><b>{{ question.title }}</b> <span>{{ question.prompt }}</span></legend>
<div class="answers{{ ' words' if question.answers|length < 5 }}">
{%- for answer in question.answers %}
<label><input type="radio" name="{{ question.column }}" value="{{ answer.value }}" \
data-key="{{ answer.key }}" data-anchor="{{ answer.anchor }}" autocomplete="off">\
<span class="pill">{% if answer.value == answer.name %}<b>{{ answer.name }}</b>\
<kbd aria-hidden="true">{{ answer.key }}</kbd>{% else %}<b>{{ answer.value }}</b>\
<span>{{ answer.name }}</span>{% endif %}</span>\
<span class="aside">: {{ answer.anchor }}</span></label>
{%- endfor %}
</div>
{%- if question.answers|length == 5 %}
<p class="hint" aria-hidden="true"></p>
{%- endif %}
</fieldset>
{%- endfor %}
<div class="comment"><label for="comment">Comment (optional)</label>
<textarea id="comment" rows="1" dir="auto" maxlength="2000" autocomplete="off"></textarea></div>
<div class="steps"><button type="button" id="back">← Back</button>
<button type="button" class="strong" id="next">Next →</button></div>
</section>
<section id="end" hidden aria-labelledby="end-title">
<h1 id="end-title" tabindex="-1"></h1>
<p id="verdict"></p>
<ul class="missing" id="missing"></ul>
<p class="note" id="saved" role="status" hidden></p>
<div class="steps"><button type="button" id="return">← Back</button>
<button type="button" class="strong" id="save">Save ratings</button></div>
</section>
</main>
<footer><p class="keys">This page works offline and sends nothing anywhere.</p></footer>
<script type="application/json" id="data">{{ data }}</script>
<script>{{ script }}</script>
</body>
</html>
"""
