// The large picture: prediction or response over the inputs, and the samples.

import { classColor, classShade, color, diverging } from "./colors.js";
import { floats, steps } from "./api.js";

const SHADE = 0.62; // of the full colour, so that samples stand out

export class Surface {
  // `onSample` is called with the number of the training sample that is clicked.
  constructor(canvas, onSample) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.small = document.createElement("canvas");
    this.showsTest = false;
    canvas.addEventListener("click", (event) => {
      const s = this.nearest(event.offsetX / canvas.clientWidth, event.offsetY / canvas.clientHeight);
      if (s !== null) onSample(s);
    });
    new ResizeObserver(() => requestAnimationFrame(() => this.draw())).observe(canvas);
  }

  build(info) {
    this.info = info;
    this.isLine = info.low.length === 1;
    this.picture = this.node = null;
    this.parts = Object.fromEntries(["train", "test"].map((name) => {
      return [name, { points: floats(info[name].points), y: floats(info[name].y) }];
    }));
    const y = [...this.parts.train.y, ...this.parts.test.y];
    this.range = [Math.min(...y), Math.max(...y)];
    if (info.classes) this.range = [0, info.classes.length - 1];
  }

  // Where a sample is, each from 0 to 1, the second from the top.
  place({ points, y }, s) {
    const { low, high } = this.info;
    const n = low.length;
    const x = (points[n * s] - low[0]) / (high[0] - low[0]);
    return [x, this.isLine ? this.height(y[s]) : 1 - (points[n * s + 1] - low[1]) / (high[1] - low[1])];
  }

  height(value) {
    const [low, high] = this.range;
    return 0.92 - (0.84 * (value - low)) / (high - low || 1);
  }

  nearest(x, y) {
    const part = this.parts.train;
    let best = null, least = 0.05 ** 2;
    for (let s = 0; s < part.y.length; s += 1) {
      const [a, b] = this.place(part, s);
      const d = (a - x) ** 2 + (b - y) ** 2;
      if (d < least) [best, least] = [s, d];
    }
    return best;
  }

  draw() {
    if (!this.picture) return;
    const side = Math.round(this.canvas.clientWidth * devicePixelRatio);
    if (!side) return;
    if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side;
    const context = this.context;
    context.fillStyle = color("neutral");
    context.fillRect(0, 0, side, side);
    const drawn = this.isLine ? "drawLines" : "drawImage";
    this[drawn](side);
    if (this.showsTest) this.drawSamples(this.parts.test, side, true);
    this.drawSamples(this.parts.train, side, false);
  }

  drawImage(side) {
    const { rgb, n } = this.node ? this.response() : this.prediction();
    const width = Math.round(Math.sqrt(n));
    if (this.small.width !== width) this.small.width = this.small.height = width;
    const small = this.small.getContext("2d");
    const image = small.createImageData(width, width);
    for (let p = 0; p < n; p += 1) {
      const [r, g, b] = rgb(p);
      image.data.set([r, g, b, 255], 4 * p);
    }
    small.putImageData(image, 0, 0);
    this.context.imageSmoothingQuality = "high";
    this.context.drawImage(this.small, 0, 0, side, side);
  }

  response() {
    const colors = diverging(SHADE);
    const { values, n } = this.nodeValues();
    return { rgb: (p) => colors[values[p] + 128], n };
  }

  nodeValues() {
    const [l, k] = this.node;
    const a = steps(this.picture.nodes[l].a);
    const n = a.length / this.info.shown[l].length;
    return { values: a.subarray(k * n, (k + 1) * n), n };
  }

  prediction() {
    const p = floats(this.picture.prediction);
    const outputs = this.info.sizes.at(-1);
    const n = p.length / outputs;
    if (outputs > 1) {
      return { n, rgb: (k) => {
        const of = p.subarray(k * outputs, (k + 1) * outputs);
        const most = of.indexOf(Math.max(...of));
        return classShade(Math.max(most, 0), outputs, (of[most] - 1 / outputs) / (1 - 1 / outputs) || 0);
      } };
    }
    const colors = diverging(SHADE);
    const [low, high] = this.range;
    return { n, rgb: (k) => {
      const t = Math.round((255 * (p[k] - low)) / (high - low || 1));
      return colors[t > 0 ? Math.min(t, 255) : 0] || colors[127];
    } };
  }

  drawLines(side) {
    const context = this.context;
    const line = (n, height, stroke) => {
      context.beginPath();
      for (let p = 0; p < n; p += 1) context.lineTo((p * side) / (n - 1), side * height(p));
      context.strokeStyle = stroke;
      context.lineWidth = 3 * devicePixelRatio;
      context.lineJoin = "round";
      context.stroke();
    };
    if (this.node) {
      const { values, n } = this.nodeValues();
      line(n, (p) => 0.5 - 0.42 * (values[p] / 127), color("negative"));
      return;
    }
    const a = floats(this.picture.prediction), outputs = this.info.sizes.at(-1);
    for (let k = 0; k < outputs; k += 1) {
      const stroke = outputs > 1 ? classColor(k, outputs) : color("negative");
      const scale = outputs > 1 ? outputs - 1 : 1; // probabilities fill the height
      line(a.length / outputs, (p) => this.height(a[p * outputs + k] * scale), stroke);
    }
  }

  drawSamples(part, side, isTest) {
    const context = this.context, ratio = devicePixelRatio;
    const colors = this.info.classes ? null : diverging();
    const [low, high] = this.range;
    for (let s = 0; s < part.y.length; s += 1) {
      const [x, y] = this.place(part, s);
      context.beginPath();
      context.arc(x * side, y * side, (isTest ? 2.6 : 3.4) * ratio, 0, 2 * Math.PI);
      let fill;
      if (this.info.classes) fill = classColor(part.y[s], this.info.classes.length);
      else if (this.isLine) fill = color("positive");
      else fill = `rgb(${colors[Math.round((255 * (part.y[s] - low)) / (high - low || 1))].join(",")})`;
      context.fillStyle = isTest ? color("neutral") : fill;
      context.strokeStyle = isTest ? fill : color("card");
      context.lineWidth = (isTest ? 1.6 : 1) * ratio;
      context.fill();
      context.stroke();
    }
    if (isTest || this.sample === undefined || this.sample >= part.y.length) return;
    const [x, y] = this.place(part, this.sample);
    context.beginPath();
    context.arc(x * side, y * side, 7 * ratio, 0, 2 * Math.PI);
    context.strokeStyle = color("text");
    context.lineWidth = 2 * ratio;
    context.stroke();
  }
}
