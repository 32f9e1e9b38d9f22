// How long it takes from sending an event to receiving the list that reflects it, measured in
// the browser, and the small plot of it.

import {draw, duration, median} from "./text.js";

const shown_max = 40;
const slates_max = 32;
const waiting_max = 256;
const give_up_ms = 10000;

/** Pairs events, their acknowledgements and slates. Pure bookkeeping, no page. */
export class latency_meter {
  #waiting = new Map(); // event_id -> {sent, seq?, acked?}
  #slates = [];         // {profile_seq, at}, newest last

  /** Milliseconds of the last events, oldest first: {push, ack}. */
  done = [];
  total = 0;

  sent(event_id, at = performance.now()) {
    for (const [id, one] of this.#waiting) {
      if (at - one.sent > give_up_ms || this.#waiting.size >= waiting_max) this.#waiting.delete(id);
    }
    this.#waiting.set(event_id, {sent: at});
  }

  /** True if an event was completed by it. A slate may overtake the acknowledgement. */
  acked(event_id, seq, at) {
    const one = this.#waiting.get(event_id);
    if (!one) return false;
    Object.assign(one, {seq, acked: at});
    const slate = this.#slates.find((each) => each.at >= one.sent && each.profile_seq >= seq);
    return slate ? this.#complete(event_id, one, slate.at) : false;
  }

  slate(profile_seq, at) {
    this.#slates.push({profile_seq, at});
    if (this.#slates.length > slates_max) this.#slates.shift();
    let any = false;
    for (const [id, one] of this.#waiting) {
      if (one.seq !== undefined && one.seq <= profile_seq) any = this.#complete(id, one, at) || any;
    }
    return any;
  }

  /** Events under way when a connection broke measure the outage, not the server. */
  broke() {
    this.#waiting.clear();
    this.#slates.length = 0;
  }

  #complete(event_id, one, at) {
    this.#waiting.delete(event_id);
    this.done.push({push: at - one.sent, ack: one.acked - one.sent});
    if (this.done.length > shown_max) this.done.shift();
    ++this.total;
    return true;
  }
}

/** Draws the meter's events as bars with a line at the median. */
export function draw_latency(meter, plot) {
  const pushes = meter.done.map((one) => one.push);
  const middle = median(pushes);
  const last = pushes.at(-1);
  document.getElementById("latency-last").textContent = pushes.length ? duration(last) : "–";
  document.getElementById("latency-median").textContent = pushes.length ? duration(middle) : "–";
  document.getElementById("latency-count").textContent = String(meter.total);
  if (pushes.length === 0) {
    plot.replaceChildren(draw("line", {x1: 0, x2: 300, y1: 92, y2: 92, class: "axis"}));
    plot.setAttribute("aria-label", "No event measured yet");
    return;
  }

  const top = Math.max(4, Math.min(Math.max(...pushes), middle * 6)) * 1.15;
  const height = (ms) => 88 * Math.min(1, ms / top);
  const step = 300 / shown_max;
  const marks = meter.done.map(({push, ack}, index) => {
    const x = 300 - (meter.done.length - index) * step;
    const high = height(push);
    return draw("g", {class: index === meter.done.length - 1 ? "bar last" : "bar"},
      draw("title", {}, `list after ${duration(push)}, acknowledged after ${duration(ack)}`),
      draw("rect", {x, y: 92 - high, width: step - 2, height: high, rx: 1.5}),
      draw("rect", {x, y: 91 - height(ack), width: step - 2, height: 1.6, class: "ack"}));
  });
  const y = 92 - height(middle);
  plot.replaceChildren(
    draw("line", {x1: 0, x2: 300, y1: 92, y2: 92, class: "axis"}), ...marks,
    draw("line", {x1: 0, x2: 300, y1: y, y2: y, class: "median"}));
  plot.setAttribute("aria-label",
    `Last ${pushes.length} events: newest ${duration(last)}, median ${duration(middle)}, slowest ${duration(Math.max(...pushes))}`);
}
