// What the user has looked at: cards that stayed in view for a second, said once for each list.

const seen_after_ms = 1000;

export class impression_watch {
  #say;
  #slate_id = "";
  #positions = new Map(); // card -> position
  #in_view = new Set(); // cards
  #said = new Set(); // positions
  #timer = 0;
  #eye = new IntersectionObserver((changes) => this.#take(changes), {threshold: 0.6});

  /** `say(slate_id, positions)` is called with positions that were not said before. */
  constructor(say) {
    this.#say = say;
    document.addEventListener("visibilitychange", () => this.#wait());
  }

  /** From now on this list is looked at. */
  watch(slate_id, cards) {
    this.stop();
    this.#slate_id = slate_id;
    cards.forEach((card, position) => {
      this.#positions.set(card, position);
      this.#eye.observe(card); // tells at once whether it is in view
    });
  }

  stop() {
    clearTimeout(this.#timer);
    this.#eye.disconnect();
    this.#positions.clear();
    this.#in_view.clear();
    this.#said.clear();
  }

  #take(changes) {
    for (const {target, isIntersecting} of changes) {
      if (isIntersecting) this.#in_view.add(target);
      else this.#in_view.delete(target);
    }
    this.#wait();
  }

  // What stays as it is for a second was looked at; a list that is scrolled through was not.
  #wait() {
    clearTimeout(this.#timer);
    if (document.visibilityState !== "visible") return;
    this.#timer = setTimeout(() => {
      const positions = [...this.#in_view].map((card) => this.#positions.get(card))
        .filter((position) => position !== undefined && !this.#said.has(position))
        .sort((a, b) => a - b);
      if (positions.length === 0) return;
      positions.forEach((position) => this.#said.add(position));
      this.#say(this.#slate_id, positions);
    }, seen_after_ms);
  }
}
