// Five stars as a radio group. The arrows only move over the stars: a rating is an event that
// changes the list at once, so it takes Enter, Space or a click to give it.

import {make} from "./text.js";

/** `rate(value)` is called with 1 to 5. `given` (0: none) is shown as the rating so far. */
export function star_rating(film_name, given, rate) {
  const group = make("div", {className: "stars", role: "radiogroup",
    "aria-label": `Rate ${film_name}`});
  const stars = [1, 2, 3, 4, 5].map((value) => {
    const star = make("button", {type: "button", role: "radio", className: "star",
      "aria-checked": String(value === given), "aria-label": value === 1 ? "1 star" : `${value} stars`,
      tabIndex: value === (given || 1) ? 0 : -1});
    star.addEventListener("click", () => choose(value));
    star.addEventListener("pointerenter", () => show(value));
    star.addEventListener("focus", () => show(value));
    return star;
  });
  group.append(...stars);
  group.addEventListener("pointerleave", () => show(given));
  group.addEventListener("focusout", (event) => {
    if (!group.contains(event.relatedTarget)) show(given);
  });
  group.addEventListener("keydown", (event) => {
    const at = stars.indexOf(document.activeElement);
    const steps = {ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1};
    const to = event.key === "Home" ? 0 : event.key === "End" ? 4
      : at + (steps[event.key] ?? NaN);
    if (at < 0 || !stars[to]) return;
    event.preventDefault();
    for (const star of stars) star.tabIndex = star === stars[to] ? 0 : -1;
    stars[to].focus();
  });

  function show(value) {
    stars.forEach((star, index) => star.classList.toggle("on", index < value));
  }

  function choose(value) {
    given = value;
    stars.forEach((star, index) => star.setAttribute("aria-checked", String(index + 1 === value)));
    show(value);
    rate(value);
  }

  show(given);
  return group;
}
