// The list: takes slates, keeps the cards of films that stay, and lets everything glide to its
// new place (FLIP: first, last, invert, play).

import {make_card, reason_text, update_card} from "./card.js";
import {film_title} from "./text.js";

const glide_ms = 620;
const glide = "cubic-bezier(.22,.9,.24,1)";
const moved_ms = 4000;

export class slate_list {
  #list;
  #empty;
  #act;
  #cards = new Map(); // item_id -> li
  #items = [];
  #ranks = new Map();
  #calm = matchMedia("(prefers-reduced-motion: reduce)");
  #moved_timer = 0;

  constructor(list, empty, act) {
    this.#list = list;
    this.#empty = empty;
    this.#act = act;
  }

  get items() {
    return this.#items;
  }

  /** The cards in the order of the list. */
  cards() {
    return this.#items.map((item) => this.#cards.get(item.item_id));
  }

  /** Forgets everything, as for another user. */
  clear() {
    this.#list.replaceChildren();
    this.#cards.clear();
    this.#ranks.clear();
    this.#items = [];
    this.#empty.hidden = true;
  }

  show(slate) {
    const before = this.#measure();
    const focus = this.#note_focus();
    const known = new Set(this.#cards.keys());
    const staying = new Set(slate.items.map((item) => item.item_id));
    for (const [id, card] of this.#cards) {
      if (staying.has(id)) continue;
      this.#let_go(card, before.get(id));
      this.#cards.delete(id);
    }
    slate.items.forEach((item, index) => this.#place(item, index));
    this.#items = slate.items;
    this.#empty.hidden = slate.items.length > 0;
    this.#play(before, known);
    this.#mark_moves(known);
    this.#restore_focus(focus);
    return this.#summary();
  }

  /** The card that has the focus, and its film. */
  current() {
    const card = document.activeElement?.closest?.(".card");
    const item = card && this.#items.find((one) => one.item_id === card.dataset.item);
    return item ? {card, item} : null;
  }

  /** Moves the focus to the next (1) or previous (-1) film. */
  step(by) {
    const cards = [...this.#list.children].filter((card) => !card.classList.contains("leaving"));
    const at = cards.indexOf(this.current()?.card);
    const to = at < 0 ? 0 : Math.min(cards.length - 1, Math.max(0, at + by));
    cards[to]?.focus();
    cards[to]?.scrollIntoView({block: "nearest", behavior: this.#calm.matches ? "auto" : "smooth"});
  }

  #measure() {
    const places = new Map();
    for (const [id, card] of this.#cards) places.set(id, card.getBoundingClientRect());
    return places;
  }

  #place(item, index) {
    let card = this.#cards.get(item.item_id);
    if (!card) {
      card = make_card(item, this.#act);
      this.#cards.set(item.item_id, card);
    }
    update_card(card, item, index + 1);
    // Only what is out of place is moved: moving a node takes the focus from it.
    const at = this.#list.children[index];
    if (at !== card) this.#list.insertBefore(card, at ?? null);
  }

  // A film that leaves fades where it stood, out of the flow and of the accessibility tree.
  #let_go(card, place) {
    card.remove();
    if (this.#calm.matches || !place) return;
    const frame = this.#list.getBoundingClientRect();
    card.classList.add("leaving");
    card.inert = true;
    card.style.left = `${place.left - frame.left}px`;
    card.style.top = `${place.top - frame.top}px`;
    card.style.width = `${place.width}px`;
    this.#list.parentElement.append(card);
    card.style.marginTop = `${this.#list.offsetTop}px`;
    card.style.marginLeft = `${this.#list.offsetLeft}px`;
    const fade = card.animate(
      [{opacity: 1, transform: "none"}, {opacity: 0, transform: "scale(.86) rotate(-2deg)"}],
      {duration: glide_ms * 0.6, easing: "ease-in", fill: "forwards"});
    fade.onfinish = fade.oncancel = () => card.remove();
  }

  #play(before, known) {
    if (this.#calm.matches) return;
    let late = 0;
    for (const [id, card] of this.#cards) {
      const now = card.getBoundingClientRect();
      const was = before.get(id);
      if (was) {
        const dx = was.left - now.left;
        const dy = was.top - now.top;
        if (Math.abs(dx) + Math.abs(dy) < 1) continue;
        card.animate([{transform: `translate(${dx}px, ${dy}px)`}, {transform: "none"}],
          {duration: glide_ms, easing: glide});
      } else {
        card.animate([{opacity: 0, transform: "translateY(14px) scale(.94)"},
          {opacity: 1, transform: "none"}],
        {duration: glide_ms, easing: glide, delay: known.size ? 140 : 22 * late++, fill: "backwards"});
      }
    }
  }

  #mark_moves(known) {
    clearTimeout(this.#moved_timer);
    this.#items.forEach((item, index) => {
      const badge = this.#cards.get(item.item_id).querySelector(".moved");
      const was = this.#ranks.get(item.item_id);
      const up = was === undefined ? 0 : was - index;
      badge.className = "moved";
      badge.textContent = "";
      if (known.size > 0 && was === undefined) {
        badge.textContent = "new";
        badge.classList.add("fresh");
      } else if (up !== 0) {
        badge.textContent = up > 0 ? `▲ ${up}` : `▼ ${-up}`;
        badge.classList.add(up > 0 ? "up" : "down");
      }
    });
    this.#ranks = new Map(this.#items.map((item, index) => [item.item_id, index]));
    this.#moved_timer = setTimeout(() => {
      for (const badge of this.#list.querySelectorAll(".moved")) badge.className = "moved";
    }, moved_ms);
  }

  #note_focus() {
    const found = this.current();
    if (!found) return null;
    return {id: found.item.item_id, index: [...this.#list.children].indexOf(found.card),
      element: document.activeElement};
  }

  // Whoever works with the keyboard stays where they were: on the film, or on what took its place.
  #restore_focus(focus) {
    if (!focus) return;
    if (this.#cards.has(focus.id)) focus.element.focus({preventScroll: true});
    else this.#list.children[Math.min(focus.index, this.#list.children.length - 1)]?.focus({preventScroll: true});
  }

  #summary() {
    const first = this.#items[0];
    if (!first) return "No film left to recommend.";
    const {lead, film} = reason_text(first.reason);
    return `First is ${film_title(first.title || first.item_id).name}. ${lead}${film}.`;
  }
}
