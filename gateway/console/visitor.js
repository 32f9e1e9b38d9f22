// Who is watching: somebody from the demo's history, a new visitor, or any id.

import {set_api_key} from "./api.js";
import {make, random_id} from "./text.js";

const visitor_key = "troupe.visitor";
const user_key = "troupe.user";

// People of the demo data whose tastes differ visibly.
const people = [
  {id: "20", note: "musicals and films for children"},
  {id: "80", note: "horror and thrillers"},
  {id: "210", note: "science fiction on large screens"},
  {id: "221", note: "film noir and old mysteries"},
  {id: "318", note: "documentaries, art house"},
  {id: "414", note: "has rated 2,698 films of all kinds"},
];

// Private windows may refuse storage; then the visitor lasts as long as the page.
function kept(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // see `kept`
  }
}

function new_visitor() {
  const id = `visitor-${random_id(6)}`;
  keep(visitor_key, id);
  return id;
}

const own_visitor = () => kept(visitor_key) || new_visitor();

/** "?user=" of the address, else who was watching last, else this browser's own visitor. */
export function first_user() {
  return new URLSearchParams(location.search).get("user") || kept(user_key) || own_visitor();
}

/** How a user is called on the page. */
export function user_label(id) {
  if (id.startsWith("visitor-")) return `Visitor ${id.slice(8, 12)}`;
  return /^\d+$/.test(id) ? `Viewer ${id}` : id;
}

/** Remembers the choice and shows it. */
export function show_user(id) {
  keep(user_key, id);
  document.getElementById("visitor-name").textContent = user_label(id);
  const avatar = document.getElementById("avatar");
  let hue = 7;
  for (const letter of id) hue = (hue * 31 + letter.codePointAt(0)) % 360;
  avatar.style.backgroundColor = `hsl(${hue} 55% 42%)`;
  avatar.textContent = user_label(id).replace(/^(Visitor|Viewer) /, "").slice(0, 2).toUpperCase();
}

/** Wires the dialog; `choose(id)` is called with the new user. */
export function wire_visitor_dialog(choose) {
  const dialog = document.getElementById("visitor-dialog");
  const input = document.getElementById("visitor-input");
  const key = document.getElementById("key-input");

  function person(id, name, note) {
    const button = make("button", {type: "button", className: "person"},
      make("b", {textContent: name}), make("span", {textContent: note}));
    button.addEventListener("click", () => finish(typeof id === "function" ? id() : id));
    return button;
  }

  function finish(id) {
    if (!id) return;
    set_api_key(key.value);
    dialog.close();
    choose(id);
  }

  document.getElementById("visitor-form").addEventListener("submit", (event) => {
    event.preventDefault();
    finish(input.value.trim());
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  document.getElementById("people").append(
    person(new_visitor, "A new visitor", "nothing known: starts with what is popular"),
    person(own_visitor, "This browser's visitor", "goes on where you left off"),
    ...people.map(({id, note}) => person(id, `Viewer ${id}`, note)));

  return (current) => {
    input.value = current;
    dialog.showModal();
  };
}
