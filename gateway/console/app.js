// Wires the page: one user, one live connection, the list, the panels.

import {genre_filter, genres, film_search} from "./search.js";
import {draw_latency, latency_meter} from "./latency.js";
import {impression_watch} from "./impressions.js";
import {live_connection} from "./live.js";
import {profile_panel} from "./profile.js";
import {slate_list} from "./slate.js";
import {wire_keys} from "./keys.js";
import {duration, film_title, make, random_id} from "./text.js";
import {first_user, show_user, user_label, wire_visitor_dialog} from "./visitor.js";

const find = (id) => document.getElementById(id);
const slate_size = 18;
const toast_ms = 4500;

let user = "";
let live = null;
let slate_id = "";
let last_event = null; // {name, verb} of the event the next list answers

let meter = new latency_meter();
const profile = new profile_panel();
const list = new slate_list(find("cards"), find("empty"), {rate, dismiss});
const impressions = new impression_watch((id, positions) => live?.look(id, positions));
const search = new film_search({rate, rating_of: (id) => profile.rating_of(id),
  learn: (items) => profile.learn(items)});

function watch_as(id) {
  live?.close();
  user = id;
  slate_id = "";
  impressions.stop();
  last_event = null;
  meter = new latency_meter();
  draw_latency(meter, find("latency-plot"));
  show_user(id);
  list.clear();
  find("lead").textContent = "Rate a film and watch the list reorder itself.";
  profile.watch(id);
  live = new live_connection({user_id: id, surface: "home", k: slate_size, ...wishes()});
  live.addEventListener("state", ({detail}) => show_state(detail));
  live.addEventListener("slate", ({detail}) => take_slate(detail));
  live.addEventListener("ack", ({detail}) => take_ack(detail));
  live.addEventListener("problem", ({detail}) => take_problem(detail));
}

// What the controls above the list ask for; undefined: nothing.
function wishes() {
  const diversity = Number(find("diversity").value);
  return {filter: genre_filter(find("genre").value) || undefined,
    diversity: diversity > 0 ? diversity : undefined};
}

function act(item, type, value, verb) {
  const event = {event_id: `e-${random_id(9)}`, item_id: item.item_id, type,
    timestamp: new Date().toISOString()};
  if (value !== undefined) event.value = value;
  if (slate_id) event.slate_id = slate_id;
  const name = film_title(item.title || item.item_id).name;
  last_event = {name, verb};
  profile.learn([item]);
  if (type === "rating") profile.note_rating(item.item_id, value);
  if (find("state").dataset.state === "live") meter.sent(event.event_id);
  if (!live.send(event)) toast("Too much is waiting for the connection; try again when it is back.", "bad");
  else if (find("state").dataset.state !== "live") toast(`Kept: ${name}. It is sent when the connection is back.`);
}

function rate(item, value) {
  act(item, "rating", value, `${"★".repeat(value)} for`);
}

function dismiss(item) {
  act(item, "dismiss", undefined, "no more of");
}

function take_slate({slate, at}) {
  if (slate.surface !== "home") return;
  if (!slate_id && slate.profile_seq > 0) profile.refresh();
  slate_id = slate.slate_id;
  profile.learn(slate.items);
  const measured = meter.slate(slate.profile_seq, at);
  const summary = list.show(slate);
  impressions.watch(slate.slate_id, list.cards());
  find("empty").textContent = find("genre").value
    ? `Nothing left to recommend in ${find("genre").value}.` : "Nothing to recommend yet.";
  if (measured) finish_measurement();
  find("announce").textContent = `List updated. ${summary}`;
}

function take_ack({ack, at}) {
  if (meter.acked(ack.event_id, ack.seq, at)) finish_measurement();
  profile.refresh();
}

function finish_measurement() {
  draw_latency(meter, find("latency-plot"));
  const took = duration(meter.done.at(-1).push);
  if (last_event) {
    find("lead").replaceChildren("New list in ", make("b", {className: "took", textContent: took}),
      ` after ${last_event.verb} `, make("b", {textContent: last_event.name}));
  }
}

function take_problem({problem, event}) {
  toast(problem.detail || problem.title, "bad");
  if (event) profile.refresh();
}

let countdown = 0;
let broken = false;

function show_state({state, wait_ms, why, again}) {
  clearInterval(countdown);
  find("state").dataset.state = state;
  const text = find("state-text");
  if (state === "live") {
    text.textContent = "Connected";
    // What a page missed while it was away may be more than the list.
    if (broken) {
      profile.refresh();
      search.refresh();
    }
    broken = false;
  } else if (state === "connecting") text.textContent = again ? "Reconnecting" : "Connecting";
  else if (state === "refused") {
    text.textContent = why;
    open_visitor(user);
  } else {
    broken = true;
    meter.broke();
    const until = performance.now() + wait_ms;
    const tick = () => {
      const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
      text.textContent = left > 1 ? `Offline, again in ${left} s` : "Offline, trying again";
    };
    tick();
    countdown = setInterval(tick, 500);
  }
}

function toast(words, kind = "") {
  const note = make("p", {className: `toast ${kind}`, role: kind === "bad" ? "alert" : "status",
    textContent: words});
  find("toasts").replaceChildren(note);
  setTimeout(() => note.remove(), toast_ms);
}

function show_view(view) {
  document.body.dataset.view = view;
  for (const tab of document.querySelectorAll(".tabs button")) {
    tab.setAttribute("aria-pressed", String(tab.dataset.view === view));
  }
  scrollTo(0, 0);
}

function wire_theme() {
  const root = document.documentElement;
  const stored = sessionStorage.getItem("troupe.theme");
  if (stored) root.dataset.theme = stored;
  find("theme-button").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    sessionStorage.setItem("troupe.theme", root.dataset.theme);
  });
}

const open_visitor = wire_visitor_dialog(watch_as);
find("visitor-button").addEventListener("click", () => open_visitor(user));
find("help-button").addEventListener("click", () => find("help-dialog").showModal());
find("genre").append(...genres.map((genre) => make("option", {value: genre, textContent: genre})));
for (const control of ["genre", "diversity"]) {
  find(control).addEventListener("change", () => live.reshape(wishes()));
}
for (const tab of document.querySelectorAll(".tabs button")) {
  tab.addEventListener("click", () => show_view(tab.dataset.view));
}
wire_theme();
wire_keys({
  step: (by) => list.step(by),
  current: () => list.current()?.item,
  rate,
  dismiss,
  search: () => {
    show_view("find");
    search.focus();
  },
  visitor: () => open_visitor(user),
  help: () => find("help-dialog").showModal(),
});
watch_as(first_user());
search.refresh();
document.title = `Troupe live: ${user_label(user)}`;
