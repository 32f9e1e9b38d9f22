// One recommended film: its poster, why it is here, and what can be done with it.

import {palette, poster_art} from "./art.js";
import {star_rating} from "./stars.js";
import {deed, draw, film_title, make} from "./text.js";

const signal_names = {co_occurrence: "watched together", popularity: "popular",
  content: "similar content", novelty: "new", sequence: "what comes next"};

/** The reason as one sentence, with the film it rests on in readable form. */
export function reason_text(reason = {}) {
  const because = reason.because;
  if (because?.title) {
    return {lead: `Because you ${deed(because.type || "rating")} `, film: film_title(because.title).name};
  }
  return {lead: reason.text || "Suggested for you", film: ""};
}

function reason_line(reason) {
  const {lead, film} = reason_text(reason);
  const line = make("p", {className: "why"}, lead);
  if (film) line.append(make("b", {textContent: film}));
  line.title = lead + film;
  return line;
}

// Which signals made the score, as one bar. Negative contributions have no length.
function mix_bar(signals = []) {
  const parts = signals.filter((one) => one.contribution > 0);
  const total = parts.reduce((sum, one) => sum + one.contribution, 0);
  const bar = draw("svg", {class: "mix", viewBox: "0 0 100 4", preserveAspectRatio: "none"});
  if (total <= 0) {
    bar.setAttribute("aria-hidden", "true");
    return bar;
  }
  let x = 0;
  const words = [];
  for (const {signal, contribution} of parts) {
    const width = (100 * contribution) / total;
    bar.append(draw("rect", {x, width: Math.max(0, width - 0.8), y: 0, height: 4, class: signal}));
    words.push(`${signal_names[signal] ?? signal} ${Math.round(width)} %`);
    x += width;
  }
  const label = `Score made of: ${words.join(", ")}`;
  bar.setAttribute("role", "img");
  bar.setAttribute("aria-label", label);
  bar.append(draw("title", {}, label));
  return bar;
}

function title_size(name) {
  const longest = Math.max(...name.split(/\s+/).map((word) => word.length));
  if (name.length > 44 || longest > 13) return "small";
  return name.length > 20 || longest > 9 ? "medium" : "large";
}

/** Builds the card; `act.rate(item, value)` and `act.dismiss(item)` are called by it. */
export function make_card(item, act) {
  const {name, year} = film_title(item.title || item.item_id);
  const {accent} = palette(item.item_id, item.categories);
  const heading = make("h3", {className: `name ${title_size(name)}`, textContent: name});
  const dismiss = make("button", {type: "button", className: "dismiss",
    "aria-label": `Not interested in ${name}`, title: "Not interested", textContent: "×"});
  dismiss.addEventListener("click", () => act.dismiss(item));
  const year_text = make("p", {className: "year", textContent: year});
  year_text.style.color = accent;
  const poster = make("div", {className: "poster"}, poster_art(item.item_id, item.categories),
    make("span", {className: "rank"}), make("span", {className: "moved", "aria-hidden": "true"}),
    dismiss,
    make("div", {className: "face"}, year_text, heading,
      make("p", {className: "genres", textContent: (item.categories ?? []).slice(0, 2).join(" · ")})));
  const card = make("li", {className: "card", tabIndex: -1}, poster,
    make("div", {className: "below"}, reason_line(item.reason), mix_bar(item.reason?.signals),
      star_rating(name, 0, (value) => act.rate(item, value))));
  card.dataset.item = item.item_id;
  card.setAttribute("aria-label", year ? `${name}, ${year}` : name);
  return card;
}

/** Brings rank and reason of a card that stays up to date. */
export function update_card(card, item, rank) {
  card.querySelector(".rank").textContent = String(rank);
  card.querySelector(".why").replaceWith(reason_line(item.reason));
  card.querySelector(".mix").replaceWith(mix_bar(item.reason?.signals));
}
