// Requests to the server, and the numbers in its answers.

export async function ask(path, content) {
  const options = content && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("fastgrad play has ended; start it again, and load this page");
  }
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}

function bytes(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

export function floats(text) {
  return new Float32Array(bytes(text).buffer);
}

export function steps(text) {
  return new Int8Array(bytes(text).buffer);
}
