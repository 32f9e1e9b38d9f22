// The side panels: what the profile holds, and what the user did last.

import {read_item, read_profile} from "./api.js";
import {ago, deed, film_title, make} from "./text.js";

const affinities_max = 8;
const events_max = 9;
const titles_max = 2000;
const settle_ms = 180;

export class profile_panel {
  #user = "";
  #titles = new Map(); // item_id -> title
  #timer = 0;
  #ratings = new Map(); // item_id -> stars

  /** Shows an empty profile of this user; `refresh` reads it, once there are events. */
  watch(user) {
    this.#user = user;
    this.#ratings.clear();
    this.#show(null);
  }

  /** Titles the page has come across, so that they need not be asked for. */
  learn(items) {
    for (const {item_id, title} of items) {
      if (this.#titles.size >= titles_max) this.#titles.clear();
      if (title) this.#titles.set(item_id, title);
    }
  }

  /** Stars the user gave, as far as the newest history tells; 0: none. */
  rating_of(item_id) {
    return this.#ratings.get(item_id) ?? 0;
  }

  note_rating(item_id, stars) {
    this.#ratings.set(item_id, stars);
  }

  /** Reads the profile soon; many calls in a row make one request. */
  refresh() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#read(), settle_ms);
  }

  async #read() {
    const user = this.#user;
    try {
      const profile = await read_profile(user);
      if (user !== this.#user) return;
      await this.#fetch_titles(profile.history ?? []);
      if (user === this.#user) this.#show(profile);
    } catch (error) {
      if (user !== this.#user) return;
      if (error.status === 404) this.#show(null);
      else document.getElementById("profile-hint").textContent = `Not available: ${error.message}`;
    }
  }

  async #fetch_titles(history) {
    const unknown = history.slice(0, events_max).map((event) => event.item_id)
      .filter((id) => !this.#titles.has(id));
    await Promise.all([...new Set(unknown)].map(async (id) => {
      // An event may be about an item the catalogue does not know: then its id is its name.
      const item = await read_item(id).catch(() => ({title: id}));
      this.learn([{item_id: id, title: item.title || id}]);
    }));
  }

  #show(profile) {
    const history = profile?.history ?? [];
    for (const event of [...history].reverse()) {
      if (event.type === "rating") this.#ratings.set(event.item_id, event.value);
    }
    show_affinities(profile?.affinities ?? []);
    this.#show_events(history.slice(0, events_max));
    document.getElementById("profile-hint").textContent = profile
      ? `${(profile.seen ?? 0).toLocaleString("en")} films seen, ${(profile.seq ?? 0).toLocaleString("en")} events`
      : "Nothing known yet. Rate a few films.";
  }

  #show_events(history) {
    const lines = history.map((event) => {
      const title = this.#titles.get(event.item_id) ?? event.item_id;
      const stars = event.type === "rating" && event.value ? "★".repeat(Math.round(event.value)) : "";
      return make("li", {},
        make("span", {className: "what"}, `${deed(event.type)} `, make("b", {textContent: film_title(title).name})),
        make("span", {className: "when"}, make("span", {className: "gold", textContent: stars,
          "aria-label": stars ? `${event.value} stars` : ""}), ` ${ago(event.timestamp)}`));
    });
    document.getElementById("events").replaceChildren(...lines);
    document.getElementById("events-hint").textContent = lines.length ? "" : "No events yet.";
  }
}

// "category:Sci-Fi" is a genre by its name, "tag:robots" a tag, marked as one.
function label_words(label) {
  const [, kind, name] = /^([a-z_]+):(.+)$/.exec(label) ?? [null, "category", label];
  const words = make("span", {className: "label", textContent: name, title: name});
  if (kind !== "category") words.prepend(make("span", {className: "kind", textContent: `${kind} `}));
  return words;
}

function show_affinities(affinities) {
  const strongest = affinities.slice(0, affinities_max);
  // Weights fade with the years; what they are to each other stays. So no least scale but zero.
  const most = Math.max(...strongest.map((one) => Math.abs(one.weight))) || 1;
  const lines = strongest.map(({label, weight}) => {
    const fill = make("span", {className: weight < 0 ? "fill dislike" : "fill"});
    const share = Math.round((100 * Math.abs(weight)) / most);
    fill.style.width = `${Math.max(3, share)}%`;
    return make("li", {}, label_words(label),
      make("span", {className: "track", "aria-hidden": "true"}, fill),
      make("span", {className: "visually-hidden",
        textContent: `${weight < 0 ? "disliked" : "liked"}, ${share} % of the strongest`}));
  });
  document.getElementById("affinities").replaceChildren(...lines);
}
