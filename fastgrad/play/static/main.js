// The page: settings make a session, whose pictures are drawn as they come.

import { ask } from "./api.js";
import { Chart } from "./chart.js";
import { classColor } from "./colors.js";
import { Explanation } from "./explanation.js";
import { Network } from "./network.js";
import { Settings } from "./settings.js";
import { Surface } from "./surface.js";

const get = (id) => document.getElementById(id);
const LARGEST_FILE = 3_000_000; // bytes
const LONG = 1500; // milliseconds without an answer, after which the page says why

const page = {
  session: null, // the key, by which the server knows the network
  info: null, // what the server has said of it
  picture: null, // the last one
  plays: false, // what was asked for last
  events: null,
  waiting: null, // the picture to be drawn
  table: null, // of one's own
  place: { layer: 1, i: 0, j: 0 }, // the parameter that is explained
  sample: 0,
  explainedAt: null, // after so many updates
};

const chart = new Chart(get("costs"));
const surface = new Surface(get("surface"), (s) => choose({ sample: s }));
const network = new Network(get("diagram"), {
  chosen: (layer, i, j) => choose({ layer, i, j }),
  shown: (layer, i) => show(layer === null ? null : [layer, page.info.shown[layer].indexOf(i)]),
});
const explanation = new Explanation(get("explanation"), {
  grouped: (group) => network.highlight(group, page.place),
  chosen: (layer, i, j) => choose({ layer, i, j }),
});
let settings;

// --- sessions ------------------------------------------------------------------------------------

// Begin with the settings as they are. What changes meanwhile waits: of two answers that cross, the
// page would show one network and the other would stay.
async function start() {
  page.isStale = true;
  if (page.isStarting) return;
  page.isStarting = true;
  try {
    while (page.isStale) {
      page.isStale = false;
      await startOnce();
    }
  } finally {
    page.isStarting = false;
  }
}

async function startOnce() {
  say("");
  listen(false);
  document.body.classList.add("busy");
  try {
    const values = settings.values;
    if (values.data === "table" && !page.table) {
      say("Choose a file: its columns become the inputs, the last one is predicted.");
      return;
    }
    const asked = { settings: values, table: page.table?.key, instead_of: page.session };
    const info = await patient(ask("/session", asked));
    page.session = info.session;
    if (page.isStale) return; // another one follows, in place of this
    page.info = info;
    settings.setCosts(page.info.costs, page.info.cost);
    history.replaceState(null, "", `#${settings.fragment()}`);
    begin(page.info);
    await control({ per_picture: perPicture(), gradients: network.shows === "gradients" });
    listen(true);
  } catch (error) {
    say(error.message, true);
  } finally {
    document.body.classList.remove("busy");
  }
}

function begin(info) {
  Object.assign(page, { picture: null, place: { layer: 1, i: info.shown[1][0], j: info.shown[0][0] }, sample: 0 });
  page.explainedAt = null;
  chart.clear();
  network.build(info);
  surface.build(info);
  surface.sample = undefined;
  explanation.clear();
  get("sample").max = info.n_train - 1;
  get("sample").value = 0;
  get("x-axis").textContent = info.axes[0];
  get("y-axis").textContent = info.axes[1] || info.target || "y";
  const isLine = info.low.length === 1;
  get("surface").ariaLabel = isLine ? "The fitted curve and the samples" : "The prediction over two inputs, and the samples";
  document.body.classList.toggle("numbers", !info.classes);
  get("classes").replaceChildren(...(info.classes || []).slice(0, 10).map((name, k) => {
    const item = document.createElement("span");
    const dot = document.createElement("i");
    dot.style.background = classColor(k, info.classes.length);
    item.append(dot, info.target ? name : `class ${name}`);
    return item;
  }));
}

async function control(changes) {
  if (changes.goal) showPlaying(changes.goal === "play");
  try {
    await ask("/control", { session: page.session, ...changes });
  } catch (error) {
    say(error.message, true);
  }
}

function showPlaying(plays) {
  if (plays && !page.plays) network.highlight(null, null);
  page.plays = plays;
  get("play").ariaPressed = `${plays}`;
  get("play").innerHTML = plays
    ? '<span aria-hidden="true">❚❚</span> Pause' : '<span aria-hidden="true">▶</span> Train';
}

// What is computed for the first time is compiled for this processor.
function patient(answer) {
  const timer = setTimeout(() => say("Compiling for this processor, once ..."), LONG);
  return answer.finally(() => {
    clearTimeout(timer);
    if (get("message").textContent.startsWith("Compiling")) say("");
  });
}

// Listen to the pictures, or stop: the server computes only while a page listens.
function listen(wanted) {
  page.events?.close();
  page.events = null;
  if (!wanted || !page.session || document.hidden) return;
  page.events = new EventSource(`/events?session=${page.session}`);
  page.events.addEventListener("message", (event) => {
    if (!page.waiting) requestAnimationFrame(drawLast);
    page.waiting = event.data;
  });
  page.events.addEventListener("error", () => {
    if (page.events?.readyState !== EventSource.CLOSED) {
      say("fastgrad play does not answer; if it has ended, start it again.", true);
      return;
    }
    start().then(() => say("The network had not been looked at for long, and begins again."));
  });
}

// --- pictures ------------------------------------------------------------------------------------

// Draw the last picture that has come: a browser that is slow leaves out those before.
function drawLast() {
  const last = page.waiting;
  page.waiting = null;
  if (page.events && last) draw(JSON.parse(last));
}

function draw(picture) {
  const wasPlaying = page.picture?.playing;
  const saidBefore = page.picture?.message || "";
  page.picture = picture;
  const largest = network.draw(picture);
  surface.picture = picture;
  surface.draw();
  chart.add(picture.updates, picture.train.cost, picture.test.cost);
  chart.draw();
  get("epochs").textContent = picture.epochs.toLocaleString("en");
  get("updates").textContent = picture.updates.toLocaleString("en");
  for (const part of ["train", "test"]) {
    get(`${part}-cost`).textContent = cost(picture[part].cost);
    const accuracy = picture[part].accuracy;
    get(`${part}-accuracy`).textContent = accuracy === null ? "" : `${(100 * accuracy).toFixed(1)} %`;
  }
  get("widest").textContent = `widest ${number(largest)}`;
  showPlaying(picture.playing);
  document.body.dataset.updates = picture.updates;
  document.body.dataset.playing = picture.playing;
  if (picture.message !== saidBefore) say(picture.message, Boolean(picture.message)); // not over another
  if (!picture.playing) {
    if (wasPlaying !== false) speak(picture);
    if (page.explainedAt !== null && page.explainedAt !== picture.updates) explain(explanation.current);
  }
}

function speak(picture) {
  const part = (name) => {
    const { cost: C, accuracy } = picture[name];
    return `cost ${cost(C)}${accuracy === null ? "" : `, accuracy ${(100 * accuracy).toFixed(1)} %`}`;
  };
  get("spoken").textContent =
    `Update ${picture.updates}. Training ${part("train")}. Test ${part("test")}.`;
}

function number(value) {
  return value === 0 ? "0" : Number(value.toPrecision(3)).toString();
}

function cost(value) {
  if (value === null) return "not finite";
  return value < 0.0001 && value > 0 ? value.toExponential(2) : value.toFixed(4);
}

function show(node) {
  surface.node = node && node[0] < page.info.sizes.length - 1 ? node : null;
  get("result-title").textContent = surface.node
    ? capital(network.name(node[0], page.info.shown[node[0]][node[1]])) : "Prediction";
  surface.draw();
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

function say(text, isError = false) {
  const message = get("message");
  if (message.textContent !== text) message.textContent = text;
  message.classList.toggle("error", isError);
}

// --- explanations --------------------------------------------------------------------------------

// Choose a parameter or a sample, pause, and explain.
async function choose({ sample = page.sample, ...place }) {
  page.sample = sample;
  page.place = { ...page.place, ...place };
  get("sample").value = sample;
  if (page.plays) await control({ goal: "pause" });
  const isFirst = page.explainedAt === null;
  const last = "layer" in place || isFirst;
  await explain(last ? Infinity : explanation.current);
  get("explanation").scrollIntoView({ block: "nearest", behavior: "smooth" });
}

// Show the whole network again.
function forget() {
  page.explainedAt = null;
  surface.sample = undefined;
  surface.draw();
  explanation.clear();
  network.highlight(null, null);
}

async function explain(current) {
  try {
    const asked = { session: page.session, sample: page.sample, ...page.place };
    const found = await patient(ask("/explain", asked));
    page.explainedAt = page.picture.updates;
    surface.sample = page.sample;
    surface.draw();
    explanation.show(found, page.place, current === Infinity ? derivative(found.groups) : current);
    explanation.showWeights(page.info, page.picture);
    explanation.showImage(settings.values.data === "digits" ? found.inputs : null);
  } catch (error) {
    say(error.message, true);
  }
}

// The group that ends with the derivative itself.
function derivative(groups) {
  return groups.findLastIndex((group) => group.part === "Gradient");
}

async function nextEquation() {
  if (page.plays) await control({ goal: "pause" });
  if (page.explainedAt === null) await explain(0);
  else explanation.open(explanation.isAtEnd ? 0 : explanation.current + 1);
  get("explanation").scrollIntoView({ block: "nearest", behavior: "smooth" });
}

// --- controls ------------------------------------------------------------------------------------

function perPicture() {
  const speed = get("speed").value;
  const epochs = { epoch: 1, epochs: 10 }[speed];
  return epochs ? epochs * page.info.batches : Number(speed);
}

async function showCode() {
  await control({ goal: "pause" });
  try {
    const { code } = await ask("/code", { session: page.session });
    get("program-text").textContent = code;
    get("program").showModal();
  } catch (error) {
    say(error.message, true);
  }
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied.`);
  } catch {
    say(`${what} could not be copied; select it and copy it by hand.`, true);
  }
}

async function receive(file) {
  try {
    if (file.size > LARGEST_FILE) throw new Error(`file: got ${file.size} bytes; expected at most ${LARGEST_FILE}`);
    page.table = await ask("/table", { name: file.name, content: await file.text() });
    settings.field("target").value = "";
    settings.forgetCost();
    await start();
  } catch (error) {
    say(error.message, true);
  }
}

function connect() {
  get("play").addEventListener("click", () => control({ goal: page.plays ? "pause" : "play" }));
  get("update").addEventListener("click", () => control({ goal: "update" }));
  get("epoch").addEventListener("click", () => control({ goal: "epoch" }));
  get("equation").addEventListener("click", nextEquation);
  get("restart").addEventListener("click", start);
  get("speed").addEventListener("change", () => control({ per_picture: perPicture() }));
  get("code").addEventListener("click", showCode);
  get("copy-program").addEventListener("click", () => copy(get("program-text").textContent, "Program"));
  get("link").addEventListener("click", () => copy(location.href, "Link"));
  get("file").addEventListener("click", (event) => (event.target.value = "")); // the same one again
  get("file").addEventListener("change", (event) => event.target.files[0] && receive(event.target.files[0]));
  get("sample").addEventListener("change", (event) => {
    if (event.target.reportValidity()) choose({ sample: Number(event.target.value) });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && page.explainedAt !== null) forget();
  });
  get("show-test").addEventListener("change", (event) => {
    surface.showsTest = event.target.checked;
    surface.draw();
  });
  for (const radio of document.querySelectorAll("input[name=lines]")) {
    radio.addEventListener("change", () => {
      network.shows = radio.value;
      control({ gradients: radio.value === "gradients" });
    });
  }
  document.addEventListener("visibilitychange", () => listen(!document.hidden));
  addEventListener("pagehide", () => listen(false));
  addEventListener("hashchange", () => location.reload());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (page.info) network.build(page.info);
    if (page.picture) draw(page.picture);
  });
}

async function open() {
  try {
    const catalogue = await ask("/catalogue");
    page.table = catalogue.table.key ? catalogue.table : null;
    settings = new Settings(get("settings"), catalogue, (name) => {
      if (name === "rate") {
        history.replaceState(null, "", `#${settings.fragment()}`);
        control({ rate: settings.values.rate });
      } else {
        start();
      }
    });
    connect();
    await start();
  } catch (error) {
    say(error.message, true);
  }
}

open();
