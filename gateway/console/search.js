// Finding films to rate: by words, by genre, or what is popular.

import {read_popular, search_items} from "./api.js";
import {palette, poster_art} from "./art.js";
import {star_rating} from "./stars.js";
import {film_title, make} from "./text.js";

const typing_ms = 160;
const shown_max = 24;
const fetched_max = 100;

export const genres = ["Action", "Adventure", "Animation", "Children", "Comedy", "Crime",
  "Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance",
  "Sci-Fi", "Thriller", "War", "Western"];

/** The filter expression for one genre; empty for none. */
export const genre_filter = (genre) => (genre ? `"${genre}" in categories` : "");

export class film_search {
  #input = document.getElementById("search");
  #status = document.getElementById("search-status");
  #results = document.getElementById("results");
  #running = null;
  #timer = 0;
  #genre = "";
  #act;

  /** `act`: rate(item, value), rating_of(item_id), learn(items). */
  constructor(act) {
    this.#act = act;
    document.getElementById("search-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.refresh();
    });
    this.#input.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.refresh(), typing_ms);
    });
    const chips = genres.map((genre) => {
      const chip = make("button", {type: "button", className: "chip", textContent: genre,
        "aria-pressed": "false"});
      chip.addEventListener("click", () => this.#browse(genre, chips));
      return chip;
    });
    document.getElementById("browse").append(...chips);
  }

  focus() {
    this.#input.focus();
    this.#input.select();
  }

  #browse(genre, chips) {
    this.#genre = this.#genre === genre ? "" : genre;
    for (const chip of chips) {
      chip.setAttribute("aria-pressed", String(chip.textContent === this.#genre));
    }
    this.#input.value = "";
    this.refresh();
  }

  async refresh() {
    clearTimeout(this.#timer);
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    const words = this.#input.value.trim();
    try {
      const answer = words
        ? await search_items(words, fetched_max, running.signal)
        : await read_popular(shown_max, genre_filter(this.#genre), running.signal);
      if (running.signal.aborted) return;
      const items = words ? by_fit(answer.items, words) : answer.items;
      this.#show(items.slice(0, shown_max), words, items.length, Boolean(answer.next_after));
    } catch (error) {
      if (running.signal.aborted) return;
      this.#status.textContent = error.name === "TimeoutError" ? "The server did not answer in time."
        : `Not available: ${error.message}`;
    }
  }

  #show(items, words, found, more) {
    this.#act.learn(items);
    this.#results.replaceChildren(...items.map((item) => this.#row(item)));
    if (!words) this.#status.textContent = this.#genre ? `Popular: ${this.#genre}` : "Popular now";
    else if (found === 0) this.#status.textContent = `No film for “${words}”`;
    else this.#status.textContent = `${found}${more ? " or more" : ""} film${found === 1 ? "" : "s"} for “${words}”`;
  }

  #row(item) {
    const {name, year} = film_title(item.title || item.item_id);
    const swatch = make("span", {className: "swatch"}, poster_art(item.item_id, item.categories));
    swatch.style.borderColor = palette(item.item_id, item.categories).shape;
    const row = make("li", {className: "result"}, swatch,
      make("div", {className: "words"},
        make("p", {className: "result-name"}, name, make("span", {className: "dim", textContent: ` ${year}`})),
        make("p", {className: "dim genres-line", textContent: (item.categories ?? []).slice(0, 3).join(" · ")}),
        star_rating(name, this.#act.rating_of(item.item_id), (value) => this.#act.rate(item, value))));
    row.dataset.item = item.item_id;
    return row;
  }
}

// The server finds; which of the found films was meant is a question of the title.
function by_fit(items, words) {
  const wanted = words.toLowerCase();
  const fit = (item) => {
    const name = film_title(item.title).name.toLowerCase();
    if (name === wanted) return 0;
    if (name.startsWith(wanted)) return 1;
    if (name.includes(` ${wanted}`)) return 2;
    return name.includes(wanted) ? 3 : 4;
  };
  return items.map((item, index) => ({item, index, fit: fit(item)}))
    .sort((a, b) => a.fit - b.fit || a.index - b.index).map((one) => one.item);
}
