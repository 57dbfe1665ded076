"use strict";
// The page of an archive. Everything that comes from it is put in as text, never as markup;
// pictures are drawn on the server for the range that is seen.

const main = document.getElementById("main");
const dark = matchMedia("(prefers-color-scheme: dark)");
let leave = () => {};

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

function say(text) { document.getElementById("status").textContent = text; }

// A blank is %20 here: as a plus, which forms write, it would stay a plus.
function encoded(values) { return new URLSearchParams(values).toString().replaceAll("+", "%20"); }

async function ask(path, values = {}) {
  const response = await fetch(path + "?" + encoded(values));
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

function failure(error) {
  return element("p", { class: "error", role: "alert" }, error.message);
}

// Addresses: #/page/subject?name=value. What is seen is in the address, so a link restores it.
function place() {
  const [path, query] = location.hash.slice(1).split("?");
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent),
    values: new URLSearchParams(query || "") };
}

function address(parts, values) {
  const query = new URLSearchParams(values);
  for (const [key, value] of [...query]) if (value === "") query.delete(key);
  const text = query.toString();
  return "#/" + parts.map(encodeURIComponent).join("/") + (text ? "?" + text : "");
}

function remember(changes) {
  const { parts, values } = place();
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "") values.delete(key); else values.set(key, value);
  }
  history.replaceState(null, "", address(parts, values));
}

function number(value) {
  if (value === null) return "–";
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(5)));
}

function table(answer, cell = (value) => number(value), heads = (name) => name) {
  return element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Rows" },
    element("table", {},
      element("thead", {}, element("tr", {},
        ...answer.columns.map((name) => element("th", { scope: "col" }, heads(name))))),
      element("tbody", {}, ...answer.rows.map((row) => element("tr", {},
        ...row.map((value, index) => element("td", { class: typeof value === "number" ? "n" : null },
          cell(value, index, row))))))));
}

// Scales as the server has them: [kind, lower, upper]; 0 linear, -1 logarithmic, else the unit.
function warp(kind, value) {
  if (kind === 0) return value;
  if (kind === -1) return Math.log10(value);
  return Math.sign(value) * Math.log10(1 + Math.abs(value) / kind);
}
function unwarp(kind, value) {
  if (kind === 0) return value;
  if (kind === -1) return 10 ** value;
  return Math.sign(value) * kind * (10 ** Math.abs(value) - 1);
}
function share([kind, lower, upper], value) {
  const start = warp(kind, lower);
  return (warp(kind, value) - start) / (warp(kind, upper) - start);
}
function valueAt([kind, lower, upper], part) {
  const start = warp(kind, lower);
  return unwarp(kind, start + part * (warp(kind, upper) - start));
}

// One picture with its tools. `request` are the values of api/picture.
class Drawing {
  constructor(request, title) {
    this.request = { ...request };
    this.key = request.key || request.name || "picture";
    delete this.request.key;
    this.holder = element("div", {});
    this.value = element("div", { class: "value" });
    this.sql = element("pre", {});
    this.notes = element("p", { class: "notes" });
    this.links = ["svg", "pdf", "csv"].map((format) =>
      element("a", { download: true }, format === "csv" ? "rows" : format.toUpperCase()));
    const tool = (text, label, action) =>
      element("button", { type: "button", title: label, "aria-label": label, onclick: action }, text);
    const toggle = (axis) => tool(axis + " log", "logarithmic " + axis + " axis", () => {
      const name = axis + "-scale";
      const log = axis === "x" ? "log-step" : "log";
      this.set({ [name]: this.kind(axis) === 0 ? log : "linear" });
    });
    this.node = element("figure", {},
      this.holder, this.value,
      element("div", { class: "tools" }, toggle("x"), toggle("y"),
        tool("+", "zoom in", () => this.zoom(0.25, 0.75)),
        tool("−", "zoom out", () => this.zoom(-0.5, 1.5)),
        tool("◀", "move left", () => this.zoom(-0.5, 0.5)),
        tool("▶", "move right", () => this.zoom(0.5, 1.5)),
        tool("whole", "the whole range", () => this.set({ "x-range": "", "y-range": "" })),
        ...this.links,
        element("a", { class: "sql" }, "ask")),
      element("figcaption", {}, element("details", {},
        element("summary", {}, "the SQL behind this"), this.notes, this.sql)));
    this.node.setAttribute("aria-label", title || this.key);
    for (const [key, value] of place().values) {
      if (key.startsWith(this.key + ".")) this.request[key.slice(this.key.length + 1)] = value;
    }
  }

  kind(axis) { return this.answer ? this.answer.panels[0][axis][0] : 0; }

  set(changes) {
    Object.assign(this.request, changes);
    remember(Object.fromEntries(
      Object.entries(changes).map(([key, value]) => [this.key + "." + key, value])));
    return this.draw();
  }

  zoom(from, to) {
    if (!this.answer) return;
    const axis = this.answer.panels[0].x;
    let low = valueAt(axis, from);
    if (axis[0] > 0) low = Math.max(low, 0);
    this.set({ "x-range": low + ".." + valueAt(axis, to) });
  }

  async draw() {
    const width = Math.round(this.holder.clientWidth || 480);
    const request = { ...this.request, width, dark: dark.matches ? 1 : 0,
      prefix: this.key.replace(/[^A-Za-z0-9]/g, "") };
    this.turn = (this.turn || 0) + 1;
    const turn = this.turn;
    try {
      const answer = await ask("api/picture", request);
      if (turn !== this.turn) return;
      this.answer = answer;
      const parsed = new DOMParser().parseFromString(answer.svg, "image/svg+xml").documentElement;
      parsed.removeAttribute("width");
      parsed.removeAttribute("height");
      this.svg = document.importNode(parsed, true);
      this.holder.replaceChildren(this.svg);
      this.sql.textContent = answer.sql;
      this.notes.textContent = answer.notes;
      this.links.forEach((link, index) => {
        link.href = "file?" + encoded({ ...this.request, format: ["svg", "pdf", "csv"][index] });
      });
      const values = { sql: answer.sql };
      for (const [key, value] of Object.entries(this.request)) if (key.startsWith("p.")) values[key] = value;
      if (this.request.runs) {
        values["p.runs"] = JSON.stringify(this.request.runs.split(","));
        values["p.run"] = this.request.runs;
      }
      this.node.querySelector(".sql").href = address(["ask"], values);
      this.watch();
      if (this.step !== undefined) this.mark(this.step);
    } catch (error) {
      if (turn === this.turn) this.holder.replaceChildren(failure(error));
    }
  }

  // The place of the pointer in the picture's own units.
  point(event) {
    const box = this.svg.getBoundingClientRect();
    const [, , width, height] = this.svg.getAttribute("viewBox").split(" ").map(Number);
    return [(event.clientX - box.left) / box.width * width, (event.clientY - box.top) / box.height * height];
  }

  panel([x, y]) {
    return this.answer.panels.find(({ frame: [left, top, width, height] }) =>
      x >= left && x <= left + width && y >= top && y <= top + height);
  }

  watch() {
    let start = null;
    let box = null;
    this.svg.addEventListener("pointerdown", (event) => {
      start = this.point(event);
      if (!this.panel(start)) start = null; else event.preventDefault();
    });
    this.svg.addEventListener("pointermove", (event) => {
      const at = this.point(event);
      if (!start) return this.read(at);
      if (!box) {
        box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        box.setAttribute("fill", "#7a4fb0");
        box.setAttribute("fill-opacity", "0.2");
        this.svg.append(box);
      }
      box.setAttribute("x", Math.min(start[0], at[0]));
      box.setAttribute("y", Math.min(start[1], at[1]));
      box.setAttribute("width", Math.abs(at[0] - start[0]));
      box.setAttribute("height", Math.abs(at[1] - start[1]));
    });
    this.svg.addEventListener("pointerup", (event) => {
      const end = this.point(event);
      const begun = start;
      start = null;
      if (box) box.remove();
      box = null;
      if (!begun || Math.abs(end[0] - begun[0]) < 100) return;
      const { frame: [left, top, width, height], x, y } = this.panel(begun);
      const part = (value) => Math.min(Math.max(value, 0), 1);
      const across = [begun[0], end[0]].sort((a, b) => a - b).map((v) => valueAt(x, part((v - left) / width)));
      const changes = { "x-range": across.join("..") };
      if (Math.abs(end[1] - begun[1]) > height / 10) {
        const down = [begun[1], end[1]].sort((a, b) => b - a).map((v) => valueAt(y, part(1 - (v - top) / height)));
        changes["y-range"] = down.join("..");
      }
      this.set(changes);
    });
    this.svg.addEventListener("pointerleave", () => { this.value.textContent = ""; });
  }

  // The nearest drawn point, read from the path that draws it.
  read(at) {
    const panel = this.panel(at);
    if (!panel) return;
    let best = null;
    for (const path of this.svg.querySelectorAll("path.line,path.step,path.band")) {
      for (const [x, y] of Drawing.points(path)) {
        const away = Math.abs(x - at[0]) * 3 + Math.abs(y - at[1]);
        if (!best || away < best.away) best = { away, x, y, path };
      }
    }
    const [left, top, width, height] = panel.frame;
    const x = best ? best.x : at[0], y = best ? best.y : at[1];
    const name = best && best.path.querySelector("title");
    this.value.textContent = (name ? name.textContent + ": " : "")
      + number(Number(valueAt(panel.x, (x - left) / width).toPrecision(4))) + ", "
      + number(Number(valueAt(panel.y, 1 - (y - top) / height).toPrecision(4)));
  }

  static points(path) {
    if (path.cairnPoints) return path.cairnPoints;
    const points = [];
    let [x, y] = [0, 0];
    for (const [, command, rest] of path.getAttribute("d").matchAll(/([MlhLVHz])([^MlhLVHz]*)/g)) {
      const numbers = (rest.match(/-?\d+/g) || []).map(Number);
      if (command === "M") { [x, y] = numbers; points.push([x, y]); }
      if (command === "l") for (let i = 0; i + 1 < numbers.length; i += 2) {
        x += numbers[i]; y += numbers[i + 1];
        points.push([x, y]);
      }
    }
    path.cairnPoints = points;
    return points;
  }

  // New points of a curve go on at its end; outside of the axes the picture is drawn anew.
  extend(name, step, value) {
    if (!this.svg || !this.answer.panels.length) return false;
    const { frame: [left, top, width, height], x, y } = this.answer.panels[0];
    if (this.request["x-range"]) return true;
    const across = share(x, step), up = share(y, value);
    if (!(across >= 0 && across <= 1 && up >= 0 && up <= 1)) return false;
    const path = [...this.svg.querySelectorAll("path.line")].find((item) => {
      const title = item.querySelector("title");
      return title && title.textContent === name;
    });
    if (!path) return false;
    const place = [Math.round(left + across * width), Math.round(top + (1 - up) * height)];
    path.setAttribute("d", path.getAttribute("d") + "L" + place.join(" "));
    path.cairnPoints = null;
    return true;
  }

  // The chosen step as an upright line.
  mark(step) {
    this.step = step;
    if (!this.svg || !this.answer) return;
    this.svg.querySelectorAll(".choice").forEach((line) => line.remove());
    for (const { frame: [left, top, width, height], x } of this.answer.panels) {
      const across = share(x, step);
      if (!(across >= 0 && across <= 1)) continue;
      const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
      line.setAttribute("class", "choice");
      line.setAttribute("stroke-width", "20");
      line.setAttribute("d", "M" + Math.round(left + across * width) + " " + top + "v" + height);
      this.svg.append(line);
    }
  }
}

function field(name, label, value, attributes = {}) {
  return element("label", { class: attributes.grow ? "grow" : null }, label,
    element("input", { name, value, ...attributes }));
}

// MARK: Runs

async function runsPage(values) {
  const form = element("form", { "aria-label": "Choose runs" },
    field("where", "condition, in SQL's words", values.get("where") || "",
      { grow: true, placeholder: "weight_decay > 0.5 AND last_test_accuracy > 0.99" }),
    field("columns", "columns", values.get("columns") || "", { placeholder: "name,seed", list: "names" }),
    field("group", "group by", values.get("group") || "", { placeholder: "weight_decay", list: "names" }),
    element("button", {}, "show"));
  const names = element("datalist", { id: "names" });
  const holder = element("div", {});
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = address(["runs"], { ...Object.fromEntries(new FormData(form)) });
  });
  main.replaceChildren(element("h1", {}, "Runs"), form, names, holder);
  const wanted = Object.fromEntries(values);
  let answer;
  try { answer = await ask("api/runs", wanted); } catch (error) { return holder.replaceChildren(failure(error)); }
  names.replaceChildren(...answer.names.map((name) => element("option", { value: name })));
  const rows = answer.table;
  const isGrouped = Boolean(wanted.group);
  const chosen = new Set();
  const compare = element("a", { href: "#/compare" }, "compare the chosen");
  const head = (name) => name === "run" ? (isGrouped ? "" : "choose") : element("button", {
    type: "button", onclick: () => {
      location.hash = address(["runs"], { ...wanted, sort: name, ascending: wanted.sort === name && wanted.ascending !== "1" ? "1" : "" });
    } }, name);
  const cell = (value, index, row) => {
    if (index === 0 && isGrouped) return element("a", { href: address(["compare"], { runs: JSON.parse(value).slice(0, 1000).join(",") }) }, "compare");
    if (index === 0) return element("input", { type: "checkbox", "aria-label": "choose " + value, onchange: (event) => {
      if (event.target.checked) chosen.add(value); else chosen.delete(value);
      compare.href = address(["compare"], { runs: [...chosen].join(",") });
    } });
    if (rows.columns[index] === "name" && !isGrouped) return element("a", { href: address(["run", row[0]], {}) }, number(value));
    return number(value);
  };
  const offset = Number(wanted.offset || 0);
  const turn = (text, start) => element("a", { href: address(["runs"], { ...wanted, offset: String(start) }) }, text);
  holder.replaceChildren(
    element("p", {}, answer.count + (answer.count === 1 ? " run; " : " runs; "), isGrouped ? "" : compare),
    table(rows, cell, head),
    element("p", {}, offset > 0 ? turn("previous", Math.max(0, offset - 100)) : "", " ",
      rows.rows.length === 100 ? turn("next", offset + 100) : ""));
}

// MARK: Run

const runPictures = ["accuracy_curves", "loss_curves", "norm_curves", "norm_against_loss", "update_sizes",
  "phase_losses", "tensor_spectrum", "embedding_circles", "pair_spectrum", "singular_value_curves",
  "hessian_curves", "hessian_density"];

async function runPage(run, values) {
  main.replaceChildren(element("p", {}, "…"));
  let answer, pictures;
  try {
    [answer, pictures] = await Promise.all([ask("api/run", { run }), ask("api/pictures")]);
  } catch (error) { return main.replaceChildren(failure(error)); }
  const facts = Object.fromEntries(answer.facts.columns.map((name, i) => [name, (answer.facts.rows[0] || [])[i]]));
  if (!answer.facts.rows.length) return main.replaceChildren(failure(new Error("there is no run " + run)));
  document.title = facts.name + " – Cairn";
  const steps = answer.checkpoints.rows.map((row) => row[0]);
  const drawings = runPictures.map((name) => {
    const about = pictures.find((picture) => picture.name === name);
    const drawing = new Drawing({ name, runs: run }, about.question);
    drawing.parameters = about.parameters;
    return drawing;
  });
  const state = element("span", { id: "state" }, facts.status + ", step " + facts.last_step);
  const slider = element("input", { type: "range", min: 0, max: Math.max(0, steps.length - 1), name: "step",
    value: Math.max(0, steps.indexOf(Number(values.get("step") || steps[steps.length - 1]))), "aria-label": "step" });
  const shown = element("output", {});
  let redraw = null;
  const move = () => {
    const step = steps[Number(slider.value)];
    if (step === undefined) return;
    shown.textContent = "step " + step;
    slider.setAttribute("aria-valuetext", "step " + step);
    remember({ step });
    for (const drawing of drawings) drawing.mark(step);
    clearTimeout(redraw);
    redraw = setTimeout(() => {
      for (const drawing of drawings) {
        const name = drawing.parameters.includes("steps") ? "p.steps" : drawing.parameters.includes("step") ? "p.step" : null;
        if (!name) continue;
        drawing.request[name] = name === "p.steps" ? "[" + step + "]" : step;
        drawing.draw();
      }
    }, 150);
  };
  slider.addEventListener("input", move);
  main.replaceChildren(
    element("h1", {}, facts.name), element("p", {}, run, " · ", facts.task, " · ", facts.network, " · ", state),
    element("form", {}, element("label", { class: "grow" }, "step of all pictures", slider), shown),
    element("div", { class: "pictures" }, ...drawings.map((drawing) => drawing.node)),
    element("h2", {}, "Settings"), table(answer.settings),
    element("h2", {}, "Checkpoints"), table({ ...answer.checkpoints, rows: answer.checkpoints.rows.slice(-200) }));
  if (values.get("step")) move();
  await Promise.all(drawings.map((drawing) => drawing.draw()));
  follow(run, facts.last_step === null ? -1 : facts.last_step, state, drawings);
}

// While a run trains, only the rows that are new are sent.
function follow(run, last, state, drawings) {
  let after = -1;
  let stopped = false;
  const look = async () => {
    if (stopped) return;
    try {
      const answer = await ask("api/updates", { run, after });
      const isFirst = after === -1;
      for (const [name, step, value] of answer.points.rows) {
        after = Math.max(after, step);
        if (isFirst && step <= last) continue;
        const kind = name.endsWith("_accuracy") ? "accuracy_curves" : name.endsWith("_loss") ? "loss_curves" : null;
        const drawing = drawings.find((item) => item.key === kind);
        if (drawing && typeof value === "number"
          && !drawing.extend(name.replace(/_(accuracy|loss)$/, ""), step, value)) drawing.isOld = true;
      }
      for (const drawing of drawings.filter((item) => item.isOld)) { drawing.isOld = false; drawing.draw(); }
      if (after >= 0) state.textContent = answer.status + ", step " + Math.max(after, last);
      if (answer.status !== "running" && !isFirst && !answer.points.rows.length) return;
    } catch (error) { say("waiting for the server"); }
    setTimeout(look, 1000);
  };
  look();
  leave = () => { stopped = true; };
}

// MARK: Compare

async function comparePage(values) {
  const runs = values.get("runs") || "";
  const setting = values.get("setting") || "weight_decay";
  const metric = values.get("metric") || "test_accuracy";
  const form = element("form", { "aria-label": "Compare runs" },
    field("runs", "ids of runs, none for all", runs, { grow: true }),
    field("metric", "curve", metric), field("setting", "keep apart by", setting), element("button", {}, "compare"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = address(["compare"], Object.fromEntries(new FormData(form)));
  });
  const wanted = { "p.metric": metric, "p.setting": setting };
  if (runs) wanted.runs = runs;
  const drawings = [
    new Drawing({ ...wanted, name: "curves_by_setting" }, "each run"),
    new Drawing({ ...wanted, name: "seed_bands" }, "bands over seeds"),
    new Drawing({ ...wanted, name: "aligned_bands" }, "bands around generalisation"),
    new Drawing({ ...wanted, name: "time_by_setting" }, "steps to generalisation"),
    new Drawing({ name: "fork_tree", ...(runs ? { runs } : {}) }, "lineage"),
  ];
  main.replaceChildren(element("h1", {}, "Compare"), form,
    element("div", { class: "pictures" }, ...drawings.map((drawing) => drawing.node)));
  await Promise.all(drawings.map((drawing) => drawing.draw()));
}

// MARK: Ask

let schema = null;

async function askPage(values) {
  schema = schema || await ask("api/schema");
  const text = element("textarea", { rows: 8, name: "sql", spellcheck: "false", "aria-label": "statement",
    autocomplete: "off" });
  text.value = values.get("sql") || "SELECT name, status, last_step FROM runs ORDER BY created_at DESC LIMIT 20";
  const limit = element("select", { name: "timeout" },
    ...[1, 10, 60, 600].map((seconds) => element("option", { value: seconds, selected: seconds === 10 }, seconds + " s")));
  const recipe = element("input", { name: "recipe", value: values.get("recipe") || "", placeholder: "line x=step y=value color=run" });
  const result = element("div", {});
  const parameters = element("div", { class: "tools" });
  const notes = element("p", { class: "notes" });
  const cancel = element("button", { type: "button", disabled: true }, "cancel");
  const form = element("form", { "aria-label": "Ask in SQL" },
    element("label", {}, "time limit", limit), element("label", { class: "grow" }, "picture (none for rows)", recipe),
    parameters, element("button", { id: "run" }, "ask"), cancel);
  const fields = () => Object.fromEntries([...parameters.querySelectorAll("input")].map((input) => ["p." + input.name, input.value]));
  const setParameters = (list) => parameters.replaceChildren(...list.map((item) =>
    field(item.name, item.name + (item.text ? " – " + item.text : ""), values.get("p." + item.name) ?? item.value ?? "")));
  const named = () => [...new Set([...text.value.replace(/'[^']*'|--.*$/gm, "").matchAll(/[:@$]([A-Za-z_]\w*)/g)].map((match) => match[1]))]
    .map((name) => ({ name, value: (fields()["p." + name]) || "" }));
  const saved = element("select", { "aria-label": "saved question" }, element("option", { value: "" }, "saved questions…"),
    ...schema.questions.map((query) => element("option", { value: query.name, title: query.question }, query.name)));
  saved.addEventListener("change", () => {
    const query = schema.questions.find((item) => item.name === saved.value);
    if (!query) return;
    text.value = query.sql;
    recipe.value = query.picture;
    notes.textContent = query.question + " " + query.notes;
    setParameters(query.parameters);
  });
  const run = async () => {
    const id = String(Math.random()).slice(2);
    const request = { sql: text.value, timeout: limit.value, id, ...fields() };
    remember({ sql: text.value, recipe: recipe.value, ...fields() });
    cancel.disabled = false;
    cancel.onclick = () => ask("api/cancel", { id });
    say("asking");
    try {
      if (recipe.value) {
        const drawing = new Drawing({ ...request, recipe: recipe.value, key: "answer" }, "the answer");
        result.replaceChildren(drawing.node);
        await drawing.draw();
      } else {
        const answer = await ask("api/sql", request);
        result.replaceChildren(table(answer), element("p", {}, answer.rows.length + " rows"
          + (answer.cut ? ", the first 1,000; narrow the statement to see others" : "")));
      }
    } catch (error) { result.replaceChildren(failure(error)); }
    cancel.disabled = true;
    say("");
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); run(); });
  text.addEventListener("change", () => setParameters(named()));
  const help = element("details", { open: true }, element("summary", {}, "views and functions"),
    ...schema.views.rows.map(([name, columns]) => element("details", {}, element("summary", {}, name),
      element("p", { class: "notes" }, String(columns).split(" ").join(", ")))),
    ...schema.functions.map(([signature, result]) => element("p", { class: "notes", title: result }, signature)));
  main.replaceChildren(element("h1", {}, "Ask"),
    element("div", { class: "two" }, element("div", {}, saved, text, complete(text), form, notes, result), help));
  setParameters(named());
  if (values.get("sql")) run();
}

// Completion of views, columns and functions: arrows choose, Tab takes, Escape closes.
function complete(text) {
  const words = [...new Set([...schema.views.rows.flatMap(([name, columns]) => [name, ...String(columns).split(" ")]),
    ...schema.functions.map(([signature]) => signature.split("(")[0] + "(")])].sort();
  const list = element("ul", { class: "suggestions", role: "listbox", id: "suggestions", "aria-label": "completions", hidden: true });
  text.setAttribute("aria-controls", "suggestions");
  let choice = 0;
  const show = () => {
    const before = text.value.slice(0, text.selectionStart).match(/[A-Za-z_]\w*$/);
    const found = before && before[0].length > 1
      ? words.filter((word) => word.startsWith(before[0]) && word !== before[0]).slice(0, 8) : [];
    list.hidden = !found.length;
    choice = Math.min(choice, Math.max(0, found.length - 1));
    list.replaceChildren(...found.map((word, index) => element("li", { role: "option",
      "aria-selected": String(index === choice), onmousedown: (event) => { event.preventDefault(); take(word); } }, word)));
  };
  const take = (word) => {
    const end = text.selectionStart;
    const start = end - text.value.slice(0, end).match(/[A-Za-z_]\w*$/)[0].length;
    text.setRangeText(word, start, end, "end");
    list.hidden = true;
  };
  text.addEventListener("input", () => { choice = 0; show(); });
  text.addEventListener("blur", () => { list.hidden = true; });
  text.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      choice = (choice + (event.key === "ArrowDown" ? 1 : list.children.length - 1)) % list.children.length;
      show();
    } else if (event.key === "Tab") take(list.children[choice].textContent);
    else if (event.key === "Escape") list.hidden = true;
    else return;
    event.preventDefault();
  });
  return list;
}

async function show() {
  leave();
  leave = () => {};
  const { parts, values } = place();
  const page = parts[0] || "runs";
  document.title = page + " – Cairn";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === "#/" + page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (page === "main") return;
  try {
    if (page === "run") await runPage(parts[1] || "", values);
    else if (page === "compare") await comparePage(values);
    else if (page === "ask") await askPage(values);
    else await runsPage(values);
  } catch (error) { main.replaceChildren(failure(error)); }
  document.body.dataset.ready = location.hash;
}

addEventListener("hashchange", show);
dark.addEventListener("change", show);
show();
