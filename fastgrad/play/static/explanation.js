// How a derivative comes about: the groups of steps, one of them open, with its loop.

import { floats } from "./api.js";

export class Explanation {
  // `on` has the functions grouped(group), chosen(layer, i, j).
  constructor(element, on) {
    this.element = element;
    this.on = on;
    this.part = (name) => element.querySelector(`#${name}`);
    this.current = -1;
  }

  clear() {
    this.found = null;
    this.current = -1;
    this.part("explained").hidden = true;
    this.part("invitation").hidden = false;
  }

  show(found, place, current) {
    this.found = found;
    this.place = place;
    this.part("explained").hidden = false;
    this.part("invitation").hidden = true;
    this.part("derivative").textContent = found.title;
    this.part("derivative").dataset.value = found.value;
    this.part("basis").textContent = found.basis;
    this.buttons = found.groups.map((group, k) => this.button(group, k));
    this.part("groups").replaceChildren(...this.rows());
    this.open(Math.min(current, found.groups.length - 1));
  }

  // A row for each part and layer, with a button for each equation.
  rows() {
    const rows = [];
    let title = null;
    this.found.groups.forEach(({ part, layer }, k) => {
      if (title !== `${part}, layer ${layer}`) {
        title = `${part}, layer ${layer}`;
        const row = document.createElement("li");
        const name = document.createElement("span");
        name.textContent = title;
        row.append(name);
        rows.push(row);
      }
      rows.at(-1).append(this.buttons[k]);
    });
    return rows;
  }

  button({ part, layer, equation, steps }, k) {
    const button = document.createElement("button");
    button.type = "button";
    const [name] = steps[0].symbols.split(" = ");
    button.textContent = equation ? `(${equation})` : name;
    button.ariaLabel = `${part}, layer ${layer}: ${equation ? `equation ${equation}` : name}`;
    button.addEventListener("click", () => this.open(k));
    return button;
  }

  get isAtEnd() {
    return !this.found || this.current >= this.found.groups.length - 1;
  }

  open(k) {
    this.current = k;
    const group = this.found.groups[k];
    this.buttons.forEach((button, n) => {
      button.ariaCurrent = n === k ? "step" : null;
    });
    const title = document.createElement("h3");
    title.textContent = `${group.part}, layer ${group.layer}`;
    if (group.equation) title.textContent += `: equation (${group.equation})`;
    const steps = document.createElement("dl");
    for (const step of group.steps) steps.append(...lines(step));
    this.part("group").replaceChildren(title, steps);
    if (group.loop) {
      const place = document.createElement("p");
      place.className = "hint";
      place.textContent = group.loop.place;
      const loop = document.createElement("pre");
      loop.tabIndex = 0;
      loop.textContent = group.loop.text;
      this.part("group").append(place, loop);
    }
    this.on.grouped(group);
  }

  // The weights of the node that is chosen, each a button.
  showWeights(info, picture) {
    const { layer, i } = this.place;
    const k = info.shown[layer].indexOf(i);
    const before = info.shown[layer - 1];
    const W = floats(picture.weights[layer - 1].W).subarray(k * before.length, (k + 1) * before.length);
    const buttons = before.map((j, n) => this.weight(`W ${i},${j}`, W[n], j));
    buttons.unshift(this.weight(`b ${i}`, floats(picture.weights[layer - 1].b)[k], null));
    const title = document.createElement("h3");
    title.textContent = `Layer ${layer}, node ${i}`;
    this.part("weights").replaceChildren(title, ...buttons);
  }

  weight(name, value, j) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "weight";
    button.ariaPressed = `${this.place.j === j}`;
    const number = document.createElement("span");
    number.textContent = value.toPrecision(3);
    button.append(name, number);
    button.addEventListener("click", () => this.on.chosen(this.place.layer, this.place.i, j));
    return button;
  }

  // The sample as an image, for the digits.
  showImage(inputs) {
    const canvas = this.part("image");
    canvas.hidden = !inputs;
    if (!inputs) return;
    const context = canvas.getContext("2d");
    const image = context.createImageData(8, 8);
    inputs.forEach((ink, k) => image.data.set([0, 0, 0, Math.round(255 * ink)], 4 * k));
    context.putImageData(image, 0, 0);
  }
}

function lines({ symbols, numbers, value }) {
  const formula = document.createElement("dt");
  formula.textContent = symbols;
  const worked = document.createElement("dd");
  const result = document.createElement("b");
  result.textContent = Number(value.toPrecision(6));
  worked.append(numbers === result.textContent ? "= " : `= ${numbers} = `, result);
  return [formula, worked];
}
