// The live connection: one WebSocket that reconnects by itself, says where it left off, and
// sends again what was not acknowledged.

import {api_key} from "./api.js";

const backoff_first_ms = 500;
const backoff_max_ms = 10000;
const ping_interval_ms = 25000;
const pong_deadline_ms = 10000;
const hello_deadline_ms = 8000;
const outbox_max = 200;
const retry_codes = new Set(["rate_limited", "overloaded", "unavailable", "timeout"]);

/**
 * Events: "state" {state, wait_ms?, why?} with state connecting | live | waiting | refused;
 * "slate" {slate}; "ack" {ack}; "problem" {problem, event}.
 */
export class live_connection extends EventTarget {
  #hello;
  #socket = null;
  #resume = "";
  #attempts = 0;
  #outbox = new Map(); // event_id -> event, in order of sending
  #timers = new Map();
  #welcomed = false;
  #closed = false;

  constructor(hello) {
    super();
    this.#hello = hello;
    addEventListener("online", this.#on_online);
    this.#open();
  }

  /** Sends an event, now or when the connection is back. False: too many are waiting. */
  send(event) {
    if (this.#outbox.size >= outbox_max) return false;
    this.#outbox.set(event.event_id, event);
    if (this.#welcomed) this.#write({event});
    return true;
  }

  /** Asks for the slate in another way (filter, diversity); holds for later connections too. */
  reshape(how) {
    Object.assign(this.#hello, how);
    for (const [name, value] of Object.entries(how)) {
      if (value === undefined) delete this.#hello[name];
    }
    this.#resume = "";
    if (!this.#welcomed) return;
    const {user_id, api_key: key, ...request} = this.#hello;
    this.#write({subscribe: request});
  }

  get waiting() {
    return this.#outbox.size;
  }

  close() {
    this.#closed = true;
    removeEventListener("online", this.#on_online);
    for (const name of [...this.#timers.keys()]) this.#stop(name);
    this.#socket?.close(1000);
  }

  #on_online = () => {
    if (this.#timers.has("retry")) {
      this.#stop("retry");
      this.#open();
    }
  };

  #open() {
    this.#tell("state", {state: "connecting", again: this.#attempts > 0});
    const url = new URL("v1/live", document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, ["troupe.v1+json"]);
    this.#socket = socket;
    this.#welcomed = false;
    this.#after("hello", hello_deadline_ms, () => socket.close());
    socket.onopen = () => {
      const hello = {...this.#hello};
      if (this.#resume) hello.resume = this.#resume;
      if (api_key()) hello.api_key = api_key();
      this.#write({hello});
    };
    socket.onmessage = (frame) => {
      if (socket === this.#socket) this.#take(frame.data, performance.now());
    };
    socket.onclose = (end) => {
      if (socket === this.#socket && !this.#closed) this.#lost(end);
    };
  }

  #take(text, at) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    const {welcome, ack, slate, error} = message;
    if (welcome) this.#welcome(welcome);
    else if (slate) {
      this.#resume = slate.resume ?? this.#resume;
      this.#tell("slate", {slate, at});
    } else if (ack?.event_id) {
      this.#outbox.delete(ack.event_id);
      this.#tell("ack", {ack, at});
    } else if (error) this.#refused(error);
    else if (message.pong) this.#stop("pong");
  }

  #welcome(welcome) {
    this.#stop("hello");
    this.#welcomed = true;
    this.#attempts = 0;
    if (welcome.resume) this.#resume = welcome.resume;
    this.#tell("state", {state: "live"});
    for (const event of this.#outbox.values()) this.#write({event});
    this.#ping();
  }

  /** These positions of a slate were looked at. Lost with the connection: it is no loss. */
  look(slate_id, positions) {
    if (this.#welcomed) this.#write({impression: {slate_id, positions}});
  }

  #refused({to, event_id, problem}) {
    if (to === "impression") return; // of a list that is not known any more
    const event = this.#outbox.get(event_id);
    if (event && retry_codes.has(problem.code)) {
      this.#after(`again ${event_id}`, 1000 * (problem.retry_after ?? 1), () => {
        if (this.#welcomed && this.#outbox.has(event_id)) this.#write({event});
      });
      return;
    }
    this.#outbox.delete(event_id);
    this.#tell("problem", {problem, to, event});
  }

  #ping() {
    this.#after("ping", ping_interval_ms, () => {
      const socket = this.#socket;
      this.#write({ping: {nonce: String(Date.now())}});
      // A dead network closes nothing by itself.
      this.#after("pong", pong_deadline_ms, () => socket.close());
      this.#ping();
    });
  }

  #lost({code, reason}) {
    this.#welcomed = false;
    for (const name of ["hello", "ping", "pong"]) this.#stop(name);
    if (code === 4001) {
      this.#tell("state", {state: "refused", why: "The server wants an API key"});
      return;
    }
    if (code === 4005) this.#resume = "";
    // Full jitter: a thousand pages do not come back in the same instant.
    const ceiling = Math.min(backoff_max_ms, backoff_first_ms * 2 ** this.#attempts++);
    const asked = code === 1001 ? Number(/retry after (\d+)/.exec(reason)?.[1] ?? 0) * 1000 : 0;
    const wait_ms = asked + ceiling / 4 + Math.random() * ceiling * 0.75;
    this.#tell("state", {state: "waiting", wait_ms});
    this.#after("retry", wait_ms, () => this.#open());
  }

  #write(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #tell(type, detail) {
    if (!this.#closed) this.dispatchEvent(new CustomEvent(type, {detail}));
  }

  #after(name, ms, what) {
    this.#stop(name);
    this.#timers.set(name, setTimeout(() => {
      this.#timers.delete(name);
      what();
    }, ms));
  }

  #stop(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}
