"use strict";
/* Moves the numbers of a scenario, and shows what comes of it. */
(() => {
  const STEPS = 1000;
  const WAIT_MS = 120; // without a further move, before it is asked for
  const about = JSON.parse(document.getElementById("about").textContent);
  const byPath = new Map(about.controls.map((each) => [each.path, each]));
  const at = (id) => document.getElementById(id);
  const token = about.token;
  let asked = 0; // number of the question whose answer is waited for
  let waiting = 0;
  let underWay = 0; // questions that were not taken yet

  function toStep(control, value) {
    if (!(value > 0) && !control.whole) return 0;
    const share = control.whole
      ? (value - control.low) / (control.high - control.low)
      : Math.log(value / control.low) / Math.log(control.high / control.low);
    return Math.round(STEPS * Math.min(Math.max(share, 0), 1));
  }

  function toText(control, step) {
    const share = step / STEPS;
    if (control.whole) return String(Math.round(control.low + share * (control.high - control.low)));
    const value = Number((control.low * (control.high / control.low) ** share).toPrecision(3));
    if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
    return value >= 1e4 ? `${Number((value / 1e3).toPrecision(3))}k` : String(value);
  }

  /* Thousands and millions as they may be typed; others are for the server to read. */
  function toNumber(text) {
    const found = /^\s*([\d.]+)\s*([kM]?)\s*$/.exec(text);
    return found ? Number(found[1]) * { "": 1, k: 1e3, M: 1e6 }[found[2]] : NaN;
  }

  const fields = [...document.querySelectorAll("[data-path]")];
  const sliderOf = (path) => document.querySelector(`[data-slider="${CSS.escape(path)}"]`);

  function place(field) {
    const control = byPath.get(field.dataset.path);
    const slider = sliderOf(control.path);
    const value = toNumber(field.value);
    if (slider && Number.isFinite(value)) slider.value = String(toStep(control, value));
  }

  function changes() {
    const moved = fields.filter((field) => field.value !== byPath.get(field.dataset.path).shown);
    return Object.fromEntries(moved.map((field) => [field.dataset.path, field.value]));
  }

  async function send(path, content) {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Peakfleet-Token": token },
      body: JSON.stringify(content),
    });
    return { status: answer.status, ...(await answer.json()) };
  }

  function problems(lines) {
    at("problems").replaceChildren(...lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }));
    at("problems").hidden = !lines.length;
  }

  async function ask() {
    at("state").textContent = "Simulating …";
    try {
      const found = await send("change", { changes: changes() });
      if (found.number) asked = Math.max(asked, found.number);
      if (found.lines) problems(found.lines);
    } catch {
      gone();
    } finally {
      underWay -= 1;
    }
  }

  /* The values of a question that was asked elsewhere: before a reload, or in another tab. */
  function adopt(content) {
    if (content.number <= asked || underWay) return;
    asked = content.number;
    for (const field of fields) {
      const path = field.dataset.path;
      field.value = content.changes[path] ?? byPath.get(path).shown;
      place(field);
    }
  }

  function soon() {
    document.documentElement.dataset.explore = "asking";
    if (waiting) clearTimeout(waiting);
    else underWay += 1;
    waiting = setTimeout(() => {
      waiting = 0;
      ask();
    }, WAIT_MS);
  }

  function gone() {
    document.documentElement.dataset.explore = "gone";
    at("state").textContent = "The server has ended.";
  }

  at("controls").addEventListener("input", (event) => {
    const slider = event.target.dataset.slider;
    if (slider) {
      const field = fields.find((each) => each.dataset.path === slider);
      field.value = toText(byPath.get(slider), Number(event.target.value));
    } else {
      place(event.target);
    }
    soon();
  });
  at("controls").addEventListener("submit", (event) => event.preventDefault());
  at("reset").addEventListener("click", () => {
    for (const field of fields) {
      field.value = byPath.get(field.dataset.path).shown;
      place(field);
    }
    soon();
  });

  at("download").addEventListener("click", async () => {
    const found = await send("text", { changes: changes() });
    problems(found.lines || []);
    if (!found.text) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([found.text], { type: "application/yaml" }));
    link.download = at("name").value || "changed.yaml";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  async function save(overwrite) {
    const content = { changes: changes(), name: at("name").value, overwrite };
    const found = await send("save", content);
    if (found.status === 409 && confirm(`${found.lines[0]}. Overwrite it?`)) return save(true);
    problems(found.status === 409 ? [] : found.lines || []);
    at("saved").textContent = found.saved ? `Saved as ${found.saved}` : "";
  }
  at("saving").addEventListener("submit", (event) => {
    event.preventDefault();
    save(false);
  });

  const events = new EventSource(`events?token=${encodeURIComponent(token)}`);
  const on = (kind, act) => events.addEventListener(kind, (event) => {
    const content = JSON.parse(event.data);
    adopt(content);
    if (content.number >= asked && !waiting) act(content);
  });
  on("progress", (content) => {
    at("progress").value = content.done / content.of;
    const worlds = `${content.done} of ${content.of} worlds`;
    at("state").textContent = content.so_far ? `${worlds} · ${content.so_far}` : `${worlds} …`;
    problems([]);
  });
  on("answer", async (content) => {
    problems([]);
    at("advice").replaceChildren(...content.advice.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }));
    document.documentElement.dataset.answer = String(content.number);
    document.documentElement.dataset.worlds = String(content.worlds);
    document.documentElement.dataset.explore = content.last ? "answered" : "refining";
    await peakfleet.show(content.contents, content.charts);
  });
  on("problem", (content) => {
    document.documentElement.dataset.explore = "problem";
    at("state").textContent = "Not simulated:";
    problems(content.lines);
  });
  events.onerror = () => { if (events.readyState === EventSource.CLOSED) gone(); };
  events.addEventListener("ended", () => { events.close(); gone(); });
  fields.forEach(place);
})();
