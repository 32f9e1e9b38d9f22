// The REST calls of the page. Every call has a deadline; errors are the server's own words.

const deadline_ms = 5000;

export function api_key() {
  return sessionStorage.getItem("troupe.key") ?? "";
}

export function set_api_key(key) {
  if (key) sessionStorage.setItem("troupe.key", key);
}

async function get(path, signal) {
  const signals = [AbortSignal.timeout(deadline_ms)];
  if (signal) signals.push(signal);
  const headers = {Accept: "application/json"};
  if (api_key()) headers.Authorization = `Bearer ${api_key()}`;
  const answer = await fetch(path, {headers, signal: any_of(signals)});
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  const error = new Error(problem.detail || problem.title || `HTTP ${answer.status}`);
  error.status = answer.status;
  throw error;
}

// AbortSignal.any is younger than the browsers this page wants to run in.
function any_of(signals) {
  const joined = new AbortController();
  for (const one of signals) {
    if (one.aborted) joined.abort(one.reason);
    one.addEventListener("abort", () => joined.abort(one.reason), {once: true});
  }
  return joined.signal;
}

const id = encodeURIComponent;

export const read_item = (item_id) => get(`v1/items/${id(item_id)}`);
export const read_profile = (user_id) => get(`v1/users/${id(user_id)}/profile`);
export const read_popular = (k, filter, signal) =>
  get(`v1/popular?k=${k}${filter ? `&filter=${id(filter)}` : ""}`, signal);
export const search_items = (words, limit, signal) =>
  get(`v1/items?search=${id(words)}&limit=${limit}`, signal);
