"use strict";
/* Draws the charts of the page, at the width that there is, and lets readers take them along. */
const peakfleet = (() => {
  const root = document.documentElement;
  const ERRORS = 1; // of the levels of Vega, none of which is exported
  const GAP_MS = 150; // without a further change of width, before charts are drawn again
  const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif";
  const CONFIG = {
    background: "transparent",
    font: FONT,
    mark: { tooltip: true },
    axis: { labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", labelLimit: 220 },
    legend: { labelFontSize: 12, titleFontSize: 12, labelLimit: 320 },
    text: { fontSize: 12 },
    view: { stroke: null },
  };
  let charts = JSON.parse(document.getElementById("charts").textContent);
  const views = new Map();

  /* Rows of a data set that came as columns. */
  function rows(columns) {
    const names = Object.keys(columns);
    const count = names.length ? columns[names[0]].length : 0;
    return Array.from({ length: count }, (_, at) =>
      Object.fromEntries(names.map((name) => [name, columns[name][at]])));
  }

  function specification(chart, room) {
    const spec = { ...structuredClone(chart.spec), datasets: {} };
    for (const [name, columns] of Object.entries(chart.data)) spec.datasets[name] = rows(columns);
    settle(spec, room);
    spec.config = { ...merged(CONFIG, chart.spec.config || {}), background: CONFIG.background };
    if (chart.width) {
      spec.width = room;
      spec.autosize = { type: "fit-x", contains: "padding" };
    }
    return spec;
  }

  /* What depends on the width that there is, as numbers: the room within the axes depends on it. */
  function settle(part, room) {
    for (const [key, value] of Object.entries(part)) {
      const found = value?.expr?.match?.(/^width < (\d+) \? (\d+) : (\d+)$/);
      if (found) part[key] = Number(found[room < Number(found[1]) ? 2 : 3]);
      else if (value && typeof value === "object" && key !== "datasets") settle(value, room);
    }
  }

  function merged(ours, theirs) {
    const all = { ...ours };
    for (const [key, value] of Object.entries(theirs)) {
      const both = value && typeof value === "object" && !Array.isArray(value) && ours[key];
      all[key] = both && typeof ours[key] === "object" ? merged(ours[key], value) : value;
    }
    return all;
  }

  async function draw(figure) {
    const place = figure.querySelector(".chart");
    const chart = charts[figure.dataset.chart];
    const room = Math.max(Math.floor(place.clientWidth), 240);
    try {
      views.get(figure)?.finalize();
      const spec = specification(chart, room);
      const made = await vegaEmbed(place, spec, options());
      views.set(figure, made);
      figure.dataset.drawn = String(room);
    } catch (error) {
      place.classList.add("failed");
      place.textContent = `This chart cannot be drawn: ${error.message}`;
      console.error(error);
    }
  }

  /* Without advice on the console: what does not fit is left out, as it should be. */
  function options() {
    return { actions: false, renderer: "svg", defaultStyle: false, logLevel: ERRORS };
  }

  /* One chart after the other, so that the text can be read and scrolled meanwhile. */
  async function drawAll() {
    for (const figure of document.querySelectorAll("figure[data-chart]")) {
      const room = Math.max(Math.floor(figure.querySelector(".chart").clientWidth), 240);
      if (figure.dataset.drawn === String(room)) continue;
      await draw(figure);
      await new Promise((done) => setTimeout(done));
    }
    root.dataset.charts = "drawn";
  }

  /* Other contents and charts, from a server that answers anew. */
  async function show(contents, newCharts) {
    for (const made of views.values()) made.finalize();
    views.clear();
    charts = newCharts;
    document.querySelector("main").innerHTML = contents;
    await drawAll();
  }

  function csv(chart) {
    const quoted = (value) => {
      const text = value === null || value === undefined ? "" : String(value);
      const safe = /^[=+\-@\t\r]/.test(text) && typeof value === "string" ? `'${text}` : text;
      return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
    };
    return Object.values(chart.data).map((columns) => {
      const lines = rows(columns).map((row) => Object.values(row).map(quoted).join(","));
      return [Object.keys(columns).map(quoted).join(","), ...lines, ""].join("\n");
    }).join("\n");
  }

  async function take(figure, kind) {
    const name = figure.dataset.chart;
    let address;
    if (kind === "csv") {
      address = URL.createObjectURL(new Blob([csv(charts[name])], { type: "text/csv" }));
    } else {
      const view = views.get(figure).view;
      const paper = view.background();
      view.background("white");
      address = await view.toImageURL(kind, kind === "png" ? 2 : 1);
      view.background(paper);
    }
    const link = document.createElement("a");
    link.href = address;
    link.download = `${name}.${kind}`;
    link.click();
    if (address.startsWith("blob:")) setTimeout(() => URL.revokeObjectURL(address), 1000);
  }

  function remembered(theme) {
    try {
      if (theme === undefined) return localStorage.getItem("peakfleet-theme");
      localStorage.setItem("peakfleet-theme", theme);
    } catch { /* no storage for this file */ }
    return null;
  }

  function isDark() {
    return root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  const known = remembered();
  if (known === "dark" || known === "light") root.dataset.theme = known;
  const toggle = document.getElementById("theme");
  const pressed = () => toggle.setAttribute("aria-pressed", String(isDark()));
  pressed();
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remembered(root.dataset.theme);
    pressed();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-take]");
    if (button) take(button.closest("figure"), button.dataset.take);
  });
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(drawAll, GAP_MS);
  });
  addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("#all")) each.open = true;
  });
  drawAll();
  return { show, drawAll };
})();
