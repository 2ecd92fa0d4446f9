// What the three pictures share: building elements, the guess beside the truth, announcing a change.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  // JupyterLab's own shortcuts (arrows fold sections, "dd" deletes the cell) stay off where the focus can
  // be. The mark must be on the focused element itself: on a parent JupyterLab sees it too late.
  if (tag === "button" || tag === "input" || "tabindex" in attributes) made.setAttribute("data-lm-suppress-shortcuts", "true");
  made.append(...children);
  return made;
}

// The root of a picture.
function frame(name, ...children) {
  return element("section", { class: "sumskip-live", "aria-label": name }, ...children);
}

// A line of text that a screen reader speaks whenever it changes, without moving the focus.
function announcer(className) {
  const line = element("p", { class: className, "aria-live": "polite", "aria-atomic": "true" });
  return { line, say: (text) => { if (line.textContent !== text) line.textContent = text; } };
}

// Radio buttons: Tab reaches the group, arrow keys choose in it.
function choices(legend, names, chosen, choose) {
  const group = `sumskip-${Math.random().toString(36).slice(2)}`;
  const labels = names.map((name) => element("label", {},
    element("input", { type: "radio", name: group, value: name, checked: name === chosen, onchange: () => choose(name) }),
    ` ${name}`));
  return element("fieldset", {}, element("legend", {}, legend), ...labels);
}
