// Small pure functions over texts: titles, times, numbers.

/** "Shawshank Redemption, The (1994)" -> {name: "The Shawshank Redemption", year: "1994"}. */
export function film_title(raw) {
  let name = (raw ?? "").trim();
  let year = "";
  const dated = /^(.*?)\s*\((\d{4})(?:[-–]\d{0,4})?\)\s*$/.exec(name);
  if (dated) [, name, year] = dated;
  // A translated or former title in brackets is left out of the large print.
  name = name.replace(/\s*\((?:a\.k\.a\. )?[^()]*\)\s*$/, "") || name;
  const article = /^(.*), (The|A|An|Les?|La|L'|Il|Das|Der|Die|El|Los|Las|Une?)$/.exec(name);
  if (article) name = article[2] === "L'" ? `L'${article[1]}` : `${article[2]} ${article[1]}`;
  return {name: name || "Untitled", year};
}

/** "3.4 ms", "120 ms", "1.2 s". */
export function duration(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(1)} s`;
}

/** "just now", "5 min ago", "3 days ago", "in 2004". */
export function ago(time, now = Date.now()) {
  const then = new Date(time);
  const seconds = (now - then.getTime()) / 1000;
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  if (seconds < 86400 * 60) return `${Math.round(seconds / 86400)} days ago`;
  return `in ${then.getFullYear()}`;
}

/** What a person did with a film, as a verb phrase: "rated", "dismissed". */
export function deed(type) {
  const verbs = {rating: "rated", like: "liked", click: "opened", view: "watched",
    purchase: "bought", dislike: "disliked", dismiss: "dismissed", skip: "skipped",
    tag: "tagged"};
  return verbs[type] ?? type.replaceAll("_", " ");
}

export function median(values) {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A random id; randomUUID exists only in secure contexts, so not when served over a LAN. */
export function random_id(bytes = 8) {
  const raw = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(raw, (b) => b.toString(16).padStart(2, "0")).join("");
}

/** Makes an element: make("p", {className: "x", textContent: "y"}, child, ...). */
export function make(tag, fields = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(fields)) {
    if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

const svg_space = "http://www.w3.org/2000/svg";

/** The same for SVG; every field is an attribute. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(svg_space, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
