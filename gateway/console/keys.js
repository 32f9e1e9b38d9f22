// The keyboard shortcuts of the page. Silent while somebody types or a dialog is open.

const typing = "input:not([type=range]), textarea, select, dialog";

/** `on`: step(by), current() -> item, rate(item, stars), dismiss(item), search, visitor, help. */
export function wire_keys(on) {
  const plain = new Map([
    ["/", () => on.search()],
    ["?", () => on.help()],
    ["u", () => on.visitor()],
    ["j", () => on.step(1)],
    ["k", () => on.step(-1)],
  ]);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest?.(typing)) return;
    const item = on.current();
    const action = plain.get(event.key)
      ?? (item && /^[1-5]$/.test(event.key) ? () => on.rate(item, Number(event.key)) : null)
      ?? (item && (event.key === "x" || event.key === "Delete") ? () => on.dismiss(item) : null);
    if (!action) return;
    event.preventDefault();
    action();
  });
}
