// Wiring board. Every step was drawn beforehand; here one is chosen and shown.

function render({ model, el }) {
  const { boards, guess } = model.get("data");
  const wirings = [...new Set(boards.map((board) => board.wiring))];
  const modes = [...new Set(boards.map((board) => board.mode))];
  let board = boards[0];
  let step = 0;

  const picture = element("div", { class: "sumskip-picture" });
  const { line, say } = announcer("sumskip-says");
  const count = element("span", { class: "sumskip-count" });
  const back = element("button", { type: "button", onclick: () => go(step - 1) }, "Back");
  const next = element("button", { type: "button", onclick: () => go(step + 1) }, "Next");
  const truth = element("p", { class: "sumskip-guess" }, guess);

  function go(to) {
    const last = board.svgs.length - 1;
    step = Math.max(0, Math.min(last, to));
    picture.innerHTML = board.svgs[step];
    // aria-disabled and not disabled: a button that vanishes from under the focus would lose it
    back.setAttribute("aria-disabled", step === 0);
    next.setAttribute("aria-disabled", step === last);
    count.textContent = `wire ${step} of ${last}`;
    say(board.says[step]);
  }
  function choose(wiring, mode) {
    board = boards.find((other) => other.wiring === wiring && other.mode === mode);
    go(0);
  }

  const controls = [];
  if (wirings.length > 1) controls.push(choices("Wiring", wirings, board.wiring, (name) => choose(name, board.mode)));
  if (modes.length > 1) controls.push(choices("With a", modes, board.mode, (name) => choose(board.wiring, name)));
  el.append(frame("Wiring board", truth, element("div", { class: "sumskip-controls" }, ...controls), picture, line,
    element("div", { class: "sumskip-controls" }, back, next, count)));
  go(0);
}

export default { render };
