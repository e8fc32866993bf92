// The colours of the page, from the style sheet: light or dark, as the reader has it.

const CLASSES = ["#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#882255",
                 "#8C8C00", "#7F7F7F", "#445566"];

export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function rgb(hex) {
  return [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
}

function between(one, other, t) {
  return one.map((c, k) => c + (other[k] - c) * t);
}

// 256 colours from negative over neutral to positive, as [red, green, blue]; paler with less share.
export function diverging(share = 1) {
  const [negative, neutral, positive] = ["negative", "neutral", "positive"].map(color).map(rgb);
  return Array.from({ length: 256 }, (_, k) => {
    const t = (k - 127.5) / 127.5;
    return between(neutral, t < 0 ? negative : positive, share * Math.abs(t));
  });
}

// The colour of a class: of two, those of negative and positive.
export function classColor(k, n) {
  if (n <= 2) return color(k ? "positive" : "negative");
  return CLASSES[k % CLASSES.length];
}

// Colours of classes by certainty from 0 to 1.
export function classShade(k, n, certainty) {
  return between(rgb(color("neutral")), rgb(classColor(k, n)), 0.15 + 0.6 * certainty);
}
