// What the page asks of the server: every refusal is an Error with its field.

export class Refusal extends Error {
  constructor(problem) {
    super(problem.detail);
    this.field = problem.field || "";
  }
}

export async function ask(path, options = {}) {
  const response = await fetch(path, options);
  const kind = response.headers.get("content-type") || "";
  if (!response.ok) {
    const isProblem = kind.startsWith("application/problem+json");
    throw new Refusal(isProblem ? await response.json() : { detail: `the server said ${response.status}` });
  }
  return kind.startsWith("application/json") ? response.json() : response;
}

export function send(method, path, body, headers = {}) {
  return ask(path, {
    method,
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

// A new id for each order that a person makes: pressing twice, or sending again, is one job.
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return "page-" + Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");
}

export async function upload(file) {
  const bytes = await file.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const sha256 = Array.from(digest, (each) => each.toString(16).padStart(2, "0")).join("");
  const answer = await ask(`/v1/uploads/${sha256}`, { method: "PUT", body: bytes });
  return answer.reference;
}

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
