// The form of an order, made of the table: its fields, limits and groups stand in openapi.json.
import { ask, element, newKey, send, upload } from "./api.js";

const FIRST = ["tags", "key", "bpm", "bars", "chords", "sections", "melody_path", "seed", "stems"];
const START = { key: "A minor", bpm: "120" };
const LONG = 1000;

export async function makeForm(form, holder, fault, ordered) {
  const { components } = await ask("/openapi.json");
  const table = components.schemas.Order_generate;
  const { styles } = await ask("/v1/styles");
  const inputs = new Map();
  const groups = new Map([["", element("div")]]);
  holder.append(groups.get(""));
  const names = Object.keys(table.properties).filter((name) => name !== "kind");
  const rank = (name) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  for (const name of names.sort((a, b) => rank(a) - rank(b))) {
    const schema = table.properties[name];
    const group = FIRST.includes(name) ? "" : schema["x-group"] || "More";
    if (schema["x-kind"] === "bytes") continue; // a file is uploaded instead
    if (!groups.has(group)) {
      const details = element("details", {}, element("summary", { textContent: group }));
      groups.set(group, details);
      holder.append(details);
    }
    const input = makeField(name, schema, table.required.includes(name));
    inputs.set(name, input);
    groups.get(group).append(input.box);
  }
  const list = element("datalist", { id: "styles" });
  list.append(...styles.map((style) => element("option", { value: style })));
  holder.append(list);
  inputs.get("tags").input.setAttribute("list", "styles");

  let key = newKey();
  form.addEventListener("input", () => { key = newKey(); });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    fault.textContent = "";
    for (const { input } of inputs.values()) input?.removeAttribute("aria-invalid");
    try {
      const body = { kind: "generate" };
      for (const [name, field] of inputs) {
        const value = await field.value();
        if (value !== undefined) body[name] = value;
      }
      const job = await send("POST", "/v1/jobs", body, { "Idempotency-Key": key });
      key = newKey();
      ordered(job);
    } catch (error) {
      fault.textContent = error.message;
      const field = inputs.get(error.field);
      if (field?.input) {
        field.input.closest("details")?.setAttribute("open", "");
        field.input.setAttribute("aria-invalid", "true");
        field.input.focus();
      }
    }
  });
}

function makeField(name, schema, required) {
  const id = `field-${name}`;
  const words = name.replaceAll("_", " ") + (required ? " (needed)" : "");
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  const box = element("div", { className: "field" });
  const about = element("label", { htmlFor: id, textContent: words, title: schema.description });
  if (type === "array") return makeChoices(name, schema);
  if (schema["x-kind"] === "path") return makeFile(id, about, box);
  let input;
  if (schema.enum) {
    input = element("select", { id });
    for (const each of schema.enum) input.append(element("option", { value: each, textContent: each || "-" }));
    input.value = schema.default ?? schema.enum[0];
  } else if (type === "boolean") {
    input = element("input", { id, type: "checkbox", checked: Boolean(schema.default) });
  } else if (type === "string" && (schema["x-max-bytes"] || 0) > LONG && name !== "tags") {
    input = element("textarea", { id, rows: 2 });
  } else {
    input = element("input", { id, type: type === "string" ? "text" : "number" });
    if (type !== "string") {
      input.step = type === "integer" ? "1" : "any";
      if (schema.minimum !== undefined) input.min = schema.minimum;
      if (schema.maximum !== undefined) input.max = schema.maximum;
    }
    input.placeholder = schema.default ? String(schema.default) : "";
  }
  if (START[name]) input.value = START[name];
  input.required = required;
  box.append(about, input);
  const value = () => {
    if (type === "boolean") return input.checked === Boolean(schema.default) ? undefined : input.checked;
    if (input.value === "" || input.value === String(schema.default ?? "")) return undefined;
    return type === "string" ? input.value : Number(input.value);
  };
  return { box, input, value };
}

function makeChoices(name, schema) {
  const box = element("fieldset", {}, element("legend", { textContent: name.replaceAll("_", " ") }));
  const choices = element("div", { className: "choices" });
  const checks = schema.items.enum.map((each) => {
    const check = element("input", { type: "checkbox", value: each, checked: schema.default.includes(each) });
    choices.append(element("label", {}, check, each));
    return check;
  });
  box.append(choices);
  const value = () => checks.filter((each) => each.checked).map((each) => each.value);
  return { box, input: checks[0], value };
}

function makeFile(id, about, box) {
  const input = element("input", { id, type: "file" });
  box.append(about, input);
  box.addEventListener("dragover", (event) => event.preventDefault());
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  return { box, input, value: async () => (input.files.length ? upload(input.files[0]) : undefined) };
}
