"""What a rating form does: the script of the page, in code for its digest."""

SCRIPT = r"""
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const fields = [...document.querySelectorAll("fieldset")];
  const columns = fields.map((field) => field.dataset.column);
  const texts = [...document.querySelectorAll(".text")];
  const store = "seqgan-rating:" + data.sheet;
  const many = (n) => n + " " + (n === 1 ? data.thing : data.things);
  const SHOWN = 40;
  let answers = {};
  let page = "start";
  let unsaved = false;
  // Looking at the form writes nothing: whoever finds nothing kept must not keep that.
  let opened = false;

  const choices = (field) => [...field.querySelectorAll("input")];
  const given = (id) => answers[id] || (answers[id] = {});
  const complete = (item) => columns.every((column) => (answers[item.id] || {})[column]);
  const open = () => data.items.flatMap((item, place) => (complete(item) ? [] : [place]));
  const current = () => (typeof page === "number" ? data.items[page] : null);

  // Only what this form could have kept is taken: anything may stand in a browser's storage.
  function restore() {
    let kept = null;
    try {
      kept = JSON.parse(localStorage.getItem(store));
    } catch {
      return;
    }
    if (!kept || typeof kept.answers !== "object" || !kept.answers) return;
    answers = {};
    for (const { id } of data.items) {
      const old = kept.answers[id];
      if (!old || typeof old !== "object") continue;
      const own = given(id);
      for (const field of fields) {
        const column = field.dataset.column;
        if (choices(field).some((input) => input.value === old[column])) own[column] = old[column];
      }
      if (typeof old.comment === "string") own.comment = old.comment;
    }
    if (Number.isInteger(kept.page) && kept.page in data.items) page = kept.page;
    unsaved = kept.unsaved === true;
  }

  function keep() {
    try {
      localStorage.setItem(store, JSON.stringify({ answers, page, unsaved }));
    } catch {
      find("forgetful").hidden = false;
    }
  }

  function changed() {
    unsaved = true;
    find("saved").hidden = true;
    keep();
    progress();
  }

  function progress() {
    const done = data.items.length - open().length;
    find("progress").value = done;
    const where = typeof page === "number"
      ? data.Thing + " " + (page + 1) + " of " + data.items.length
      : many(data.items.length);
    const place = find("place");
    place.textContent = "";
    const strong = document.createElement("strong");
    strong.textContent = where;
    place.append(strong, " · " + done + " answered");
  }

  function show(next, focus = true) {
    page = next;
    for (const id of ["start", "item", "end"]) {
      find(id).hidden = id !== (typeof page === "number" ? "item" : page);
    }
    find("finish").hidden = typeof page !== "number";
    if (typeof page === "number") fill();
    if (page === "end") finish();
    if (opened) keep();
    progress();
    window.scrollTo(0, 0);
    const target = { start: "start-title", end: "end-title" }[page] || "texts";
    if (focus) find(target).focus({ preventScroll: true });
  }

  function fill() {
    const item = current();
    texts.forEach((element, place) => { element.textContent = item.texts[place]; });
    for (const field of fields) mark(field);
    find("comment").value = (answers[item.id] || {}).comment || "";
    find("back").textContent = page === 0 ? "← Instructions" : "← Back";
    find("next").textContent = page === data.items.length - 1 ? "Finish →" : "Next →";
  }

  function mark(field, hovered) {
    const value = (answers[current().id] || {})[field.dataset.column];
    for (const input of choices(field)) input.checked = input.value === value;
    const hint = field.querySelector(".hint");
    const shown = hovered || choices(field).find((input) => input.checked);
    if (hint) hint.textContent = shown ? shown.value + ": " + shown.dataset.anchor : "";
  }

  function choose(field, value) {
    given(current().id)[field.dataset.column] = value;
    given(current().id).last = field.dataset.column;
    mark(field);
    changed();
  }

  // After an answer by key, the next open question is where the next key goes.
  function advance() {
    const own = given(current().id);
    const field = fields.find((each) => !own[each.dataset.column]);
    (field ? choices(field)[0] : find("next")).focus();
  }

  function takeBack() {
    const own = given(current().id);
    const answered = columns.filter((column) => own[column]);
    const column = answered.includes(own.last) ? own.last : answered.pop();
    if (!column) return;
    delete own[column];
    const field = fields[columns.indexOf(column)];
    mark(field);
    changed();
    choices(field)[0].focus();
  }

  function step(by) {
    const next = page + by;
    show(next < 0 ? "start" : next >= data.items.length ? "end" : next);
  }

  function finish() {
    const missing = open();
    find("end-title").textContent = missing.length ? "Not finished yet" : "Thank you!";
    find("verdict").textContent = missing.length
      ? many(missing.length) + (missing.length === 1 ? " has" : " have") + " an open question" +
        (missing.length > SHOWN ? "; the first " + SHOWN + ":" : ":")
      : "All " + many(data.items.length) + " are answered. Save the file and send it back.";
    const list = find("missing");
    list.textContent = "";
    for (const place of missing.slice(0, SHOWN)) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = String(place + 1);
      button.setAttribute("aria-label", data.Thing + " " + (place + 1));
      button.addEventListener("click", () => show(place));
      const entry = document.createElement("li");
      entry.append(button);
      list.append(entry);
    }
    find("save").textContent = missing.length ? "Save unfinished ratings" : "Save ratings";
  }

  // The same rule as for the sheet: no spreadsheet shall compute a cell.
  function cell(text) {
    const safe = /^[=+\-@\t\r\n|%']/.test(text) ? "'" + text : text;
    return '"' + safe.replaceAll('"', '""') + '"';
  }

  function save() {
    const rows = data.items.map((item) => {
      const row = { ...(answers[item.id] || {}), item_id: item.id, rater: data.rater,
        sheet: data.sheet };
      data.texts.forEach((name, place) => { row[name] = item.texts[place]; });
      return data.columns.map((name) => cell(row[name] || "")).join(",");
    });
    const lines = [data.columns.map(cell).join(","), ...rows].map((line) => line + "\r\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", ...lines], { type: "text/csv" }));
    link.download = data.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    unsaved = false;
    keep();
    find("saved").textContent = data.file + " is in your downloads folder: please send it back." +
      (open().length ? " It is not complete; you can go on and save again." : "");
    find("saved").hidden = false;
  }

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const { target, key } = event;
    const button = target.closest("button");
    if (target.matches("textarea")) {
      if (key === "Escape") find("next").focus();
      return;
    }
    if (page === "start" && key === "Enter" && !button) begin();
    else if (page === "end" && key === "ArrowLeft") show(data.items.length - 1);
    else if (typeof page !== "number") return;
    else if (key === "ArrowRight" || (key === "Enter" && !button)) step(1);
    else if (key === "ArrowLeft") step(-1);
    else if (key === "Backspace") takeBack();
    else if (key === "c" || key === "C") find("comment").focus();
    else {
      const answer = (field) => choices(field).find(
        (input) => input.dataset.key === key.toLowerCase());
      const possible = fields.filter(answer);
      const own = given(current().id);
      const field = possible.find((each) => each.contains(document.activeElement)) ||
        possible.find((each) => !own[each.dataset.column]) ||
        (possible.length === 1 ? possible[0] : null);
      if (!field) return;
      choose(field, answer(field).value);
      advance();
    }
    event.preventDefault();
  }

  function begin() {
    const missing = open();
    show(missing.length ? missing[0] : "end");
  }

  restore();
  for (const field of fields) {
    for (const input of choices(field)) {
      input.addEventListener("change", () => choose(field, input.value));
      input.parentElement.addEventListener("pointerenter", () => mark(field, input));
      input.parentElement.addEventListener("pointerleave", () => mark(field));
    }
  }
  find("comment").addEventListener("input", () => {
    given(current().id).comment = find("comment").value;
    changed();
  });
  find("begin").addEventListener("click", begin);
  find("back").addEventListener("click", () => step(-1));
  find("next").addEventListener("click", () => step(1));
  find("return").addEventListener("click", () => show(data.items.length - 1));
  find("save").addEventListener("click", save);
  find("finish").addEventListener("click", () => {
    show("end");
    if (!open().length) save();
  });
  document.addEventListener("keydown", pressed);
  window.addEventListener("storage", (event) => {
    if (event.key !== store) return;
    const here = page;
    restore();
    show(here, false);
  });
  window.addEventListener("beforeunload", (event) => {
    if (unsaved && !find("forgetful").hidden) event.preventDefault();
  });
  const done = data.items.length - open().length;
  if (done || Object.keys(answers).length) {
    find("welcome").textContent = "Welcome back: " + done + " of " + data.items.length +
      " are answered, and nothing is lost.";
    find("welcome").hidden = false;
    find("begin").textContent = "Continue";
  }
  show(page);
  opened = true;
})();
"""
