// The form of the settings, and the same as the fragment of a link.

const LISTS = ["layers", "activations"];
const NUMBERS = ["samples", "noise", "test_size", "rate", "batch_size", "dropout", "l1", "l2", "seed"];
const TITLES = { classes: "Classes", numbers: "Numbers", package: "In the package", own: "Your own" };

export class Settings {
  constructor(form, catalogue, onChange) {
    this.form = form;
    this.catalogue = catalogue;
    this.onChange = onChange;
    this.list = form.querySelector("#layers");
    this.fillSets();
    fill(this.field("optimizer"), catalogue.optimizers);
    for (const select of form.querySelectorAll("select[data-values]")) {
      fill(select, select.dataset.values.split(" "));
    }
    form.addEventListener("input", (event) => this.showValue(event.target));
    form.addEventListener("change", (event) => this.changed(event.target));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.querySelector("#add-layer").addEventListener("click", () => {
      const last = this.layers().at(-1) || [8, "tanh"];
      this.addLayer(...last);
      this.numberLayers();
      this.changed(this.list);
    });
    this.values = { ...catalogue.settings, ...fromFragment(location.hash) };
  }

  field(name) {
    return this.form.elements[name];
  }

  fillSets() {
    const groups = { classes: [], numbers: [], package: [], own: ["table"] };
    for (const [name, areNumbers] of Object.entries(this.catalogue.sets)) {
      const isBundled = name === "digits" || name === "penguins";
      groups[isBundled ? "package" : areNumbers ? "numbers" : "classes"].push(name);
    }
    for (const [group, names] of Object.entries(groups)) {
      const part = document.createElement("optgroup");
      part.label = TITLES[group];
      fill(part, names, (name) => (name === "table" ? "a table (CSV ...)" : name));
      this.field("data").append(part);
    }
  }

  get values() {
    const found = {};
    for (const { name } of this.form.elements) {
      if (!(name in this.catalogue.settings)) continue;
      const text = this.field(name).value;
      found[name] = NUMBERS.includes(name) ? Number(text) : text;
    }
    const layers = this.layers();
    found.layers = layers.map(([nodes]) => nodes);
    found.activations = layers.map(([, activation]) => activation);
    return found;
  }

  set values(values) {
    for (const [name, value] of Object.entries(values)) {
      const field = LISTS.includes(name) ? null : this.field(name);
      if (!field) continue;
      if (field.tagName === "SELECT" && ![...field.options].some((o) => o.value === `${value}`)) {
        field.add(new Option(value || "usual", value));
      }
      field.value = value;
      this.showValue(field);
    }
    this.list.replaceChildren();
    values.layers.forEach((nodes, l) => this.addLayer(nodes, values.activations[l] || "tanh"));
    this.numberLayers();
    this.showParts();
  }

  layers() {
    return [...this.list.children].map((row) => [
      Number(row.querySelector("input").value),
      row.querySelector("select").value,
    ]);
  }

  addLayer(nodes, activation) {
    const row = document.createElement("li");
    const count = document.createElement("input");
    Object.assign(count, { type: "number", min: 1, max: this.catalogue.most.nodes, value: nodes, required: true });
    const select = document.createElement("select");
    fill(select, this.catalogue.activations);
    select.value = activation;
    const remove = document.createElement("button");
    Object.assign(remove, { type: "button", textContent: "×", className: "quiet" });
    remove.addEventListener("click", () => {
      row.remove();
      this.numberLayers();
      this.changed(this.list);
    });
    row.append(count, select, remove);
    this.list.append(row);
  }

  numberLayers() {
    [...this.list.children].forEach((row, l) => {
      const [count, select, remove] = row.children;
      count.ariaLabel = `Nodes of layer ${l + 1}`;
      select.ariaLabel = `Activation of layer ${l + 1}`;
      remove.ariaLabel = remove.title = `Remove layer ${l + 1}`;
    });
    this.form.querySelector("#add-layer").disabled =
      this.list.children.length >= this.catalogue.most.layers;
  }

  showValue(field) {
    const output = field.type === "range" && field.parentElement.querySelector("output");
    if (output) output.value = field.value;
  }

  showParts() {
    const data = this.field("data").value;
    this.form.querySelector("#of-table").hidden = data !== "table";
    this.form.querySelector("#of-points").hidden =
      data === "table" || data === "digits" || data === "penguins";
  }

  setCosts(costs, chosen) {
    const select = this.field("cost");
    select.replaceChildren();
    fill(select, costs, (name) => name.replaceAll("_", " "));
    select.value = chosen;
  }

  // The usual cost, whatever the data will be.
  forgetCost() {
    this.field("cost").replaceChildren(new Option("usual", ""));
  }

  changed(field) {
    if (field.id === "file" || (field.checkValidity && !field.checkValidity())) return;
    if (field.name === "data") this.field("target").value = "";
    if (field.name === "data" || field.name === "target") this.forgetCost();
    this.showParts();
    this.onChange(field.name);
  }

  // What differs from the defaults, for a link.
  fragment() {
    const defaults = this.catalogue.settings;
    const changed = Object.entries(this.values).filter(([name, v]) => `${v}` !== `${defaults[name]}`);
    return new URLSearchParams(changed.map(([name, v]) => [name, `${v}`])).toString();
  }
}

export function fromFragment(hash) {
  const values = {};
  for (const [name, text] of new URLSearchParams(hash.slice(1))) {
    if (LISTS.includes(name)) {
      const items = text ? text.split(",") : [];
      values[name] = name === "layers" ? items.map(Number) : items;
    } else {
      values[name] = NUMBERS.includes(name) ? Number(text) : text;
    }
  }
  return values;
}

function fill(select, names, title = (name) => name) {
  for (const name of names) select.append(new Option(title(name), name));
}
