// Lists the operations of /openapi.json. Everything is set as text, never as HTML.
const element = (name, text, className) => {
  const node = document.createElement(name);
  if (text) node.textContent = text;
  if (className) node.className = className;
  return node;
};

// Follows local references, so that a schema shows its members; a schema inside itself shows by its name.
const resolve = (value, root, seen) => {
  if (Array.isArray(value)) return value.map((item) => resolve(item, root, seen));
  if (value === null || typeof value !== "object") return value;
  const reference = value.$ref;
  if (typeof reference === "string" && reference.startsWith("#/")) {
    if (seen.includes(reference)) return reference.split("/").pop();
    const target = reference.slice(2).split("/").reduce((at, key) => at?.[key], root);
    return resolve(target, root, [...seen, reference]);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, root, seen)]));
};

const block = (title, value, root) => {
  const part = document.createDocumentFragment();
  part.append(element("h3", title), element("pre", JSON.stringify(resolve(value, root, []), null, 2)));
  return part;
};

const operation = (method, path, description, root) => {
  const details = element("details");
  const summary = element("summary");
  summary.append(element("span", method.toUpperCase(), "method"), element("span", path, "path"));
  summary.append(element("span", description.summary ?? "", "says"));
  details.append(summary);
  if (description.description) details.append(element("p", description.description));
  if (description.parameters?.length) {
    const list = element("dl");
    for (const parameter of description.parameters) {
      list.append(element("dt", `${parameter.name} (${parameter.in})`), element("dd", parameter.description ?? ""));
    }
    details.append(element("h3", "Parameters"), list);
  }
  if (description.requestBody) details.append(block("Request", description.requestBody.content, root));
  for (const [status, response] of Object.entries(description.responses ?? {})) {
    details.append(element("h3", `${status} ${response.description ?? ""}`));
    if (response.content) details.append(element("pre", JSON.stringify(resolve(response.content, root, []), null, 2)));
  }
  return details;
};

const show = async () => {
  const about = document.getElementById("about");
  try {
    const root = await (await fetch("/openapi.json")).json();
    document.title = root.info.title;
    document.getElementById("title").textContent = root.info.title;
    about.textContent = root.info.description ?? "";
    const list = document.getElementById("operations");
    for (const [path, methods] of Object.entries(root.paths)) {
      for (const [method, description] of Object.entries(methods)) {
        if (description?.responses) list.append(operation(method, path, description, root));
      }
    }
  } catch {
    about.textContent = "The description could not be loaded. Reload the page.";
  }
};

show();
