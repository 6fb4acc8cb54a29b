import { locale } from "../reader.js";

const CONTRAST = matchMedia("(forced-colors: active)");
const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const LOOKS = [CONTRAST, STILL, matchMedia("(prefers-color-scheme: dark)"), matchMedia("(prefers-contrast: more)")];
const LONGEST_LABEL = 18;

const SHORT = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });

let library;

// Only pages with charts need it.
async function load() {
  library ??= import("../../vendor/chart.js/chart.umd.js");
  await library;
  return globalThis.Chart;
}

/**
 * Draws the table of the live region beside it, and draws it again whenever that changes. The canvas is outside the
 * region, so a patch never meets it, and a patched region equals a reloaded one.
 *
 * Whoever can't see it, or prefers the system's own colours, has the table.
 */
export class LiveChart extends HTMLElement {
  #chart = null;
  #message = null;
  #following = null;
  #drawn = 0;

  connectedCallback() {
    const following = (this.#following = new AbortController());
    const redraw = () => this.#draw();
    for (const look of LOOKS) look.addEventListener("change", redraw, { signal: following.signal });
    // A patch changes the table; the curtain, or a right that was taken away, removes it.
    const observer = new MutationObserver(redraw);
    observer.observe(this.#region, { childList: true, subtree: true, characterData: true, attributeFilter: ["data-value"] });
    observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    following.signal.addEventListener("abort", () => observer.disconnect());
    this.#draw();
  }

  disconnectedCallback() {
    this.#following.abort();
    this.#drawn += 1;
    this.#clear();
  }

  get #panel() {
    return this.closest("[data-chart-panel]");
  }

  get #region() {
    return this.#panel.querySelector("[data-live-region]");
  }

  async #draw() {
    const turn = (this.#drawn += 1);
    const table = this.#region.querySelector("[data-chart-table]");
    if (!table) return this.#clear();
    if (CONTRAST.matches) return this.#showTable();
    const figures = read(table);
    if (figures.series.every(({ values }) => values.every((value) => !value))) return this.#say(this.dataset.empty);
    let Chart;
    try {
      Chart = await load();
    } catch {
      return this.#showTable();
    }
    // The page may have changed while the library was on its way.
    if (turn === this.#drawn) this.#show(Chart, figures);
  }

  #show(Chart, figures) {
    const settings = configured(this.dataset.shape, figures, (token) => this.#colour(token), getComputedStyle(this));
    this.#message?.remove();
    this.#message = null;
    if (this.#chart) {
      this.#chart.data = merged(this.#chart.data, settings.data);
      this.#chart.options = settings.options;
      this.#chart.update();
    } else {
      const canvas = document.createElement("canvas");
      this.replaceChildren(canvas);
      this.#chart = new Chart(canvas, settings);
    }
    this.dataset.drawn = figures.text;
  }

  #say(text) {
    this.#clear();
    this.#message = document.createElement("p");
    this.#message.className = "chart__message";
    this.#message.textContent = text;
    this.replaceChildren(this.#message);
  }

  #showTable() {
    this.#clear();
    this.#panel.querySelector("details").open = true;
  }

  #clear() {
    this.#chart?.destroy();
    this.#chart = null;
    this.#message = null;
    this.replaceChildren();
    delete this.dataset.drawn;
  }

  /** A token's colour in the theme of this moment, in a notation that the library understands. */
  #colour(token) {
    const probe = document.createElement("span");
    probe.style.color = `var(${token})`;
    this.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return asRgb(colour);
  }
}

function read(table) {
  const rows = [...table.tBodies[0].rows];
  const series = [...table.tHead.rows[0].cells].slice(1).map((head, column) => ({
    label: head.textContent.trim(),
    tone: head.dataset.tone,
    stack: head.dataset.stack,
    values: rows.map((row) => Number(row.cells[column + 1].dataset.value)),
    texts: rows.map((row) => row.cells[column + 1].textContent.trim()),
  }));
  const labels = rows.map((row) => row.cells[0].textContent.trim());
  return { labels, series, text: JSON.stringify([labels, ...series.map(({ values }) => values)]) };
}

/** The same datasets with new values, so that bars grow from where they are. */
function merged(before, after) {
  const datasets = after.datasets.map((set, index) => Object.assign(before.datasets[index] ?? {}, set));
  return { labels: after.labels, datasets };
}

function configured(shape, { labels, series }, colour, style) {
  const [soft, line, ink, canvas] = ["--ink-soft", "--line", "--ink", "--canvas"].map(colour);
  const across = shape === "across";
  const font = { family: style.fontFamily, size: 12 };
  const values = { beginAtZero: true, stacked: across, border: { display: false }, grid: { color: line, drawTicks: false } };
  values.ticks = { color: soft, font, padding: 6, maxTicksLimit: 5, callback: (value) => (value % 1 ? "" : SHORT.format(value)) };
  const names = { stacked: across, border: { color: line }, grid: { display: false } };
  names.ticks = { color: soft, font, maxRotation: 0, autoSkip: !across, autoSkipPadding: 16 };
  names.ticks.callback = (_, index) => shortened(labels[index]);
  return {
    type: shape === "lines" ? "line" : "bar",
    data: { labels, datasets: series.map((each) => dataset(shape, each, colour(`--tone-${each.tone}`))) },
    options: {
      animation: STILL.matches ? false : { duration: 300 },
      indexAxis: across ? "y" : "x",
      interaction: { mode: "index", axis: across ? "y" : "x", intersect: false },
      maintainAspectRatio: false,
      scales: across ? { x: values, y: names } : { x: names, y: values },
      plugins: {
        legend: {
          display: series.length > 1,
          position: "bottom",
          align: "start",
          labels: { color: soft, font, usePointStyle: true, pointStyle: "rectRounded", boxHeight: 8, padding: 14 },
          // What a click would hide, the next patch would have to remember.
          onClick: null,
        },
        tooltip: {
          backgroundColor: ink,
          titleColor: canvas,
          bodyColor: canvas,
          titleFont: { ...font, weight: "600" },
          bodyFont: font,
          padding: 10,
          boxPadding: 4,
          // As the table says it.
          callbacks: { label: ({ dataset, dataIndex }) => ` ${dataset.label}: ${dataset.texts[dataIndex]}` },
        },
      },
    },
  };
}

function dataset(shape, { label, values, texts, stack }, colour) {
  const told = { label, data: values, texts, stack: stack || "all", backgroundColor: colour, borderColor: colour };
  if (shape === "lines") {
    return { ...told, stack: label, borderWidth: 2, pointRadius: 0, pointHoverRadius: 4, tension: 0 };
  }
  return { ...told, hoverBackgroundColor: colour, borderWidth: 0, borderRadius: 3, maxBarThickness: shape === "across" ? 18 : 40 };
}

function shortened(label = "") {
  const letters = [...label];
  return letters.length > LONGEST_LABEL ? `${letters.slice(0, LONGEST_LABEL - 1).join("")}…` : label;
}

let pixel;

/** The library reads neither oklch() nor light-dark(); every browser's canvas does. */
function asRgb(colour) {
  pixel ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  pixel.clearRect(0, 0, 1, 1);
  pixel.fillStyle = colour;
  pixel.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = pixel.getImageData(0, 0, 1, 1).data;
  return `rgba(${red}, ${green}, ${blue}, ${alpha / 255})`;
}

if (customElements.get("live-chart") === undefined) customElements.define("live-chart", LiveChart);
