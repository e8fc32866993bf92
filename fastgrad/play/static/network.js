// The diagram: a button with a picture of its response for each node, a line for each weight.

import { diverging, classShade, color } from "./colors.js";
import { floats, steps } from "./api.js";

const SVG = "http://www.w3.org/2000/svg";
const THINNEST = 0.4, WIDEST = 5;

export class Network {
  // `on` has the functions chosen(layer, i, j), shown(layer, i) and shown(null).
  constructor(element, on) {
    this.element = element;
    this.on = on;
    this.shows = "weights";
    this.nodes = [];
    this.lines = [];
    new ResizeObserver(() => requestAnimationFrame(() => this.place())).observe(element);
    element.addEventListener("keydown", (event) => this.move(event));
  }

  build(info) {
    this.info = info;
    this.element.replaceChildren();
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("aria-hidden", "true");
    this.element.append(this.svg);
    this.nodes = info.shown.map((shown, l) => shown.map((i) => this.makeNode(l, i)));
    this.titles = info.sizes.map((size, l) => this.makeTitle(size, l));
    this.lines = info.shown.slice(1).map((shown, k) =>
      shown.map((i) => info.shown[k].map((j) => this.makeLine(k + 1, i, j))));
    this.colors = diverging();
    this.place();
  }

  name(l, i) {
    const last = this.info.sizes.length - 1;
    if (l === 0) return `input ${this.info.inputs[this.info.shown[0].indexOf(i)]}`;
    if (l < last) return `layer ${l}, node ${i}`;
    return this.info.sizes[last] > 1 ? `output ${this.info.classes[i]}` : "output";
  }

  makeNode(l, i) {
    const node = document.createElement("button");
    node.type = "button";
    node.className = "node";
    node.tabIndex = l === 1 && i === this.info.shown[1][0] ? 0 : -1;
    node.dataset.layer = l;
    node.dataset.i = i;
    node.ariaLabel = node.title = this.name(l, i);
    node.append(document.createElement("canvas"));
    if (l === 0) {
      const label = document.createElement("span");
      label.textContent = this.info.inputs[this.info.shown[0].indexOf(i)];
      node.append(label);
    } else {
      node.addEventListener("click", () => this.on.chosen(l, i, null));
    }
    for (const event of ["mouseenter", "focus"]) {
      node.addEventListener(event, () => this.on.shown(l, i));
    }
    for (const event of ["mouseleave", "blur"]) {
      node.addEventListener(event, () => this.on.shown(null));
    }
    this.element.append(node);
    return node;
  }

  makeTitle(size, l) {
    const title = document.createElement("span");
    title.className = "column";
    const last = this.info.sizes.length - 1;
    const shown = this.info.shown[l].length;
    const name = l === 0 ? "inputs" : l === last ? (size > 1 ? "outputs" : "output") : `layer ${l}`;
    title.textContent = shown < size ? `${name} (${shown} of ${size})` : name;
    this.element.append(title);
    return title;
  }

  makeLine(layer, i, j) {
    const group = document.createElementNS(SVG, "g");
    const [seen, hit] = ["seen", "hit"].map((name) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", name);
      group.append(path);
      return path;
    });
    Object.assign(group.dataset, { layer, i, j });
    group.addEventListener("click", () => this.on.chosen(layer, i, j));
    this.svg.append(group);
    return { group, seen, hit };
  }

  // Positions, for the width that there is.
  place() {
    if (!this.nodes.length) return;
    const width = this.element.clientWidth;
    const columns = this.nodes.length;
    const most = Math.max(...this.nodes.map((layer) => layer.length));
    const size = Math.min(most > 8 ? 26 : 40, Math.floor(width / (columns * 1.6)));
    const gap = most > 8 ? 5 : 12;
    const left = this.info.shown[0].length && this.labelWidth();
    this.element.style.setProperty("--label", `${left - 6}px`);
    const top = 26, height = top + most * (size + gap);
    this.element.style.height = `${height}px`;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const x = (l) => left + (l * (width - left - size)) / (columns - 1);
    const y = (l, k) => top + (height - top - this.nodes[l].length * (size + gap)) / 2 + k * (size + gap);
    this.nodes.forEach((layer, l) => {
      layer.forEach((node, k) => {
        Object.assign(node.style, { left: `${x(l)}px`, top: `${y(l, k)}px`, width: `${size}px`, height: `${size}px` });
      });
      const middle = x(l) + size / 2;
      const style = this.titles[l].style;
      if (l === 0) Object.assign(style, { left: "0", transform: "none" });
      else if (l === columns - 1) Object.assign(style, { left: `${width}px`, transform: "translateX(-100%)" });
      else Object.assign(style, { left: `${middle}px`, transform: "translateX(-50%)" });
    });
    this.lines.forEach((rows, k) => rows.forEach((row, i) => row.forEach(({ seen, hit }, j) => {
      const [x0, x1] = [x(k) + size, x(k + 1)];
      const [y0, y1] = [y(k, j) + size / 2, y(k + 1, i) + size / 2];
      const middle = (x0 + x1) / 2;
      const d = `M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}`;
      seen.setAttribute("d", d);
      hit.setAttribute("d", d);
    })));
  }

  labelWidth() {
    const longest = Math.max(...this.info.inputs.map((name) => name.length));
    return Math.min(longest * 7 + 8, this.element.clientWidth > 500 ? 110 : 60);
  }

  // The numbers of a picture.
  draw(picture) {
    this.picture = picture;
    picture.nodes.forEach(({ a }, l) => this.drawResponses(this.nodes[l], steps(a)));
    this.drawOutputs(floats(picture.prediction));
    const shown = picture[this.shows] || picture.weights;
    const arrays = shown.map(({ W }) => floats(W));
    const largest = Math.max(...arrays.map((W) => W.reduce((most, w) => Math.max(most, Math.abs(w)), 0)));
    this.lines.forEach((rows, k) => rows.forEach((row, i) => row.forEach(({ seen }, j) => {
      const w = arrays[k][i * row.length + j];
      const share = largest > 0 ? Math.abs(w) / largest : 0;
      set(seen, "stroke-width", (THINNEST + (WIDEST - THINNEST) * share).toFixed(1));
      set(seen, "stroke-opacity", (0.2 + 0.75 * share).toFixed(2));
      set(seen, "class", w < 0 ? "seen negative" : "seen positive");
    })));
    return largest;
  }

  drawResponses(nodes, a) {
    const points = a.length / nodes.length;
    nodes.forEach((node, k) => {
      const values = a.subarray(k * points, (k + 1) * points);
      const canvas = node.firstChild;
      if (points === this.info.tile) drawCurve(canvas, values, 127);
      else drawImage(canvas, points, (p) => this.colors[values[p] + 128]);
    });
  }

  drawOutputs(prediction) {
    const nodes = this.nodes.at(-1), all = this.info.sizes.at(-1);
    const points = prediction.length / all;
    const scale = Math.max(1e-9, ...prediction.map(Math.abs));
    nodes.forEach((node, k) => {
      const i = this.info.shown.at(-1)[k];
      const canvas = node.firstChild;
      if (this.info.low.length === 1) {
        drawCurve(canvas, Array.from({ length: points }, (_, p) => prediction[p * all + i]), scale);
      } else if (this.info.classes && all > 1) {
        drawImage(canvas, points, (p) => classShade(i, this.info.classes.length, prediction[p * all + i]));
      } else {
        const t = this.info.classes ? (v) => v * 255 : (v) => (v / scale + 1) * 127.5;
        drawImage(canvas, points, (p) => this.colors[clamp(t(prediction[p]))]);
      }
    });
  }

  // Which part of the network an equation is about.
  highlight(group, chosen) {
    const { layer = -1, equation = "", part = "" } = group || {};
    const only = part === "Gradient" || part === "Update"; // the parameter that is chosen
    this.nodes.forEach((nodes, l) => nodes.forEach((node) => {
      node.classList.toggle("active", l === layer && !only);
      node.classList.toggle("chosen", Boolean(chosen) && l === chosen.layer && Number(node.dataset.i) === chosen.i);
    }));
    const number = equation.replace("s", "");
    const of = { 1: layer, 5: layer + 1, 4: layer, 7: layer }[number];
    this.lines.forEach((rows, k) => rows.forEach((row) => row.forEach(({ group: line }) => {
      const { i, j } = line.dataset;
      const isChosen = Boolean(chosen) && k + 1 === chosen.layer && Number(i) === chosen.i && Number(j) === chosen.j;
      line.classList.toggle("chosen", isChosen);
      line.classList.toggle("active", k + 1 === of && (!only || isChosen));
    })));
    this.svg.classList.toggle("dim", Boolean(group));
  }

  move(event) {
    const node = document.activeElement;
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step || !node.classList.contains("node")) return;
    event.preventDefault();
    const l = Number(node.dataset.layer) + step[0];
    const layer = this.nodes[l];
    if (!layer) return;
    const from = this.nodes[node.dataset.layer];
    const k = from.indexOf(node);
    const at = step[0] ? Math.round((k * (layer.length - 1)) / Math.max(1, from.length - 1)) : k + step[1];
    const next = layer[Math.max(0, Math.min(layer.length - 1, at))];
    node.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

// Set an attribute if it changes: the browser then draws less.
function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function clamp(k) {
  return k > 0 ? Math.min(255, Math.round(k)) : 0;
}

function drawImage(canvas, points, rgb) {
  const side = Math.round(Math.sqrt(points));
  if (canvas.width !== side || canvas.height !== side) canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const image = context.createImageData(side, side);
  for (let p = 0; p < points; p += 1) {
    const [r, g, b] = rgb(p);
    image.data.set([r, g, b, 255], 4 * p);
  }
  context.putImageData(image, 0, 0);
}

function drawCurve(canvas, values, scale) {
  const size = 80;
  if (canvas.width !== size) canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, size, size);
  context.strokeStyle = color("line");
  context.lineWidth = 1;
  context.strokeRect(0, size / 2, size, 0);
  context.strokeStyle = color("positive");
  context.lineWidth = 5;
  context.beginPath();
  values.forEach((a, k) => {
    context.lineTo((k * size) / (values.length - 1), size * (0.5 - 0.42 * (a / scale)));
  });
  context.stroke();
}
