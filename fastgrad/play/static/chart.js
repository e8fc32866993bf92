// The cost of the training and of the test samples over the updates.

import { color } from "./colors.js";

const MOST = 800; // points; then every other one is left out

export class Chart {
  constructor(canvas) {
    this.canvas = canvas;
    this.clear();
    new ResizeObserver(() => requestAnimationFrame(() => this.draw())).observe(canvas);
  }

  clear() {
    this.points = [];
    this.every = 1;
    this.count = 0;
  }

  add(updates, train, test) {
    const last = this.points.at(-1);
    if (last && updates <= last[0]) this.points.pop();
    this.count += 1;
    if (this.count % this.every && this.points.length > 1) this.points.pop();
    this.points.push([updates, train, test]);
    if (this.points.length > MOST) {
      this.points = this.points.filter((_, k) => k % 2 === 0);
      this.every *= 2;
    }
  }

  draw() {
    const { canvas } = this, ratio = devicePixelRatio;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((n) => Math.round(n * ratio));
    if (!width || !this.points.length) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    const values = this.points.flatMap(([, a, b]) => [a, b]).filter((v) => v !== null);
    const most = Math.max(1e-12, ...values), last = this.points.at(-1)[0] || 1;
    const left = 40 * ratio, bottom = height - 18 * ratio, top = 8 * ratio;
    const x = (n) => left + ((width - left - 4 * ratio) * n) / last;
    const y = (v) => bottom - ((bottom - top) * v) / most;
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.fillStyle = color("muted");
    context.strokeStyle = color("line");
    context.lineWidth = ratio;
    for (const share of [0, 0.5, 1]) {
      context.beginPath();
      context.moveTo(left, y(most * share));
      context.lineTo(width, y(most * share));
      context.stroke();
      context.textAlign = "right";
      context.textBaseline = "middle";
      context.fillText(Number((most * share).toPrecision(2)).toString(), left - 5 * ratio, y(most * share));
    }
    context.textBaseline = "alphabetic";
    context.textAlign = "right";
    context.fillText(`update ${last.toLocaleString("en")}`, width, height - 3 * ratio);
    [["test", 2], ["train", 1]].forEach(([name, k]) => {
      context.beginPath();
      for (const point of this.points) if (point[k] !== null) context.lineTo(x(point[0]), y(point[k]));
      context.strokeStyle = color(name);
      context.lineWidth = 2 * ratio;
      context.lineJoin = "round";
      context.stroke();
    });
  }
}
