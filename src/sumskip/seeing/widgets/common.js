// What the pictures share: building elements, announcing a change, asking Python, and the guess that comes first.

const PATIENCE = 8000; // ms without an answer until that is said

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

// A function that asks Python something; where no answer comes, that is said.
function asker(model, say) {
  let waiting;
  for (const answer of ["change:data", "msg:custom"]) model.on(answer, () => clearTimeout(waiting));
  return (content) => {
    model.send(content);
    clearTimeout(waiting);
    waiting = setTimeout(() => say("No answer: Python is busy, or no longer there. If it is gone, run the cell again."), PATIENCE);
  };
}

// A picture that asks for a guess first. `show` gives what is in it, from the data and the guess as an element.
// The question comes from Python, so there is no field where nobody would read it, as on an exported page; and
// Python judges what is typed, and sends the picture.
function afterAGuess(name, show) {
  return ({ model, el }) => {
    const { line, say } = announcer("sumskip-unclear");
    const ask = asker(model, say);

    function lock({ question, wanted, write, hint }) {
      line.id = `sumskip-${Math.random().toString(36).slice(2)}`;
      const field = element("input", { type: "text", size: 20, maxlength: 200, spellcheck: "false", autocomplete: "off",
        "aria-describedby": line.id, oninput: () => field.removeAttribute("aria-invalid"),
        onkeydown: (event) => { if (event.key === "Enter") commit(event); } });
      const commit = (event) => { event.preventDefault(); say(""); ask({ guess: field.value }); };
      model.on("msg:custom", ({ unclear }) => { if (unclear) { field.setAttribute("aria-invalid", true); say(unclear); } });
      el.append(frame(name,
        element("p", {}, element("strong", {}, "Locked until you commit a guess."), ` ${question}`),
        element("div", { class: "sumskip-controls" }, element("label", {}, `Your guess, ${wanted}: `, field),
          element("button", { type: "button", onclick: commit }, "Commit")),
        line,
        element("p", {}, "A guess in this field is gone when the notebook is opened anew. To keep yours, write it in this cell "
          + "and run it: ", element("code", {}, write), ` ${hint}.`)));
    }
    function unlock() {
      const here = el.contains(document.activeElement);
      const { guess, keep, code, ...data } = model.get("data");
      const mine = element("div", { class: "sumskip-guess", tabindex: -1 }, element("p", {}, guess));
      if (keep) mine.append(element("p", {}, `${keep} `, element("code", {}, code)));
      el.replaceChildren(frame(name, ...show(data, mine)));
      if (here) mine.focus(); // the field is gone
    }

    if (model.get("data").guess) return unlock();
    model.on("change:data", unlock);
    model.on("msg:custom", (answer) => { if (answer.question && !el.firstChild) lock(answer); });
    model.send({ guess: null });
  };
}
